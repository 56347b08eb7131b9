/** `serve`: the HTTP API. */
import { Command } from "commander";
import { openRuntime } from "../compose/open_runtime.ts";
import { createObservability } from "../compose/observability.ts";
import { startHttp } from "../compose/run_serve.ts";
import { runUntilSignal } from "../compose/run_until_signal.ts";
import { readConfig } from "../config.ts";
import { serviceProgress } from "./progress.ts";

/** The command, ready to be added to the program. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("Serve the HTTP API: POST /orders, GET /orders, the OpenAPI document, health.")
    .addHelpText("after", "\nThe address is HTTP_HOST and HTTP_PORT (127.0.0.1:8080).")
    .action(async () => {
      const config = readConfig();
      const progress = serviceProgress(config);
      await runUntilSignal(async (signal) => {
        await using runtime = await openRuntime(config, {
          applicationName: "onceflow serve",
          onProgress: progress,
        });
        await using server = startHttp(runtime, createObservability());
        progress(`Serving http://${server.host}:${server.port} (OpenAPI at /openapi.json)`);
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      }, { shutdownMsMax: config.SHUTDOWN_MS_MAX });
    });
}
