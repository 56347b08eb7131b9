/** `serve`: the HTTP API. */
import { Command } from "commander";
import { openUntilStopped } from "../app/compose/open_runtime.ts";
import { createObservability, observeHorizon } from "../app/compose/observability.ts";
import { drain, listen, openApi } from "../app/compose/run_serve.ts";
import { runUntilSignal, untilAborted } from "../app/compose/run_until_signal.ts";
import { readConfig } from "../config.ts";
import { dropUnneeded, servicesOfRole } from "../tools/resolve_services.ts";
import { serviceProgress } from "./progress.ts";

/** The command, ready to be added to the program. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("Serve the HTTP API: POST /orders, GET /orders, the OpenAPI document, health.")
    .addHelpText(
      "after",
      "\nThe address is HTTP_HOST and HTTP_PORT (127.0.0.1:8080). It listens at once; until Postgres is there, /readyz\n" +
        "says so and everything else is 503. Kafka is not needed: orders wait in the outbox. After SIGTERM /readyz is 503\n" +
        "and requests are served for HTTP_DRAIN_MS before it closes. What has no answer two seconds later is 503, and the\n" +
        "process ends within 3.5 seconds of HTTP_DRAIN_MS, whatever Postgres and Kafka do.",
    )
    .action(async () => {
      const config = readConfig();
      await dropUnneeded(config);
      const progress = serviceProgress(config);
      const observability = createObservability();
      await runUntilSignal(async (signal) => {
        await using server = listen(config, observability);
        progress(`Serving http://${server.host}:${server.port} (OpenAPI at /openapi.json)`);
        await using runtime = await openUntilStopped(config, {
          applicationName: "onceflow serve",
          findServices: () => servicesOfRole(config, { onProgress: progress, signal }),
          health: observability.health,
          signal,
          kafkaLater: true,
        });
        if (!runtime) return;
        await using api = openApi(runtime, observability);
        server.serve(api);
        observeHorizon(observability, runtime.database.sql);
        progress("Taking orders");
        await untilAborted(signal);
        await drain(config, observability);
        await server.close(graceMsMax);
        // Before the rest: what somebody asked of a Postgres that is silent would be waited for.
        await runtime.database.close(poolMsMax);
      }, { shutdownMsMax: config.HTTP_DRAIN_MS + Math.min(config.SHUTDOWN_MS_MAX, closeMsMax) });
    });
}

/**
 * What follows the drain, milliseconds: requests in hand may take so long, statements so long, and everything so long.
 * With the drain as it is by default that ends within five seconds.
 */
const [graceMsMax, poolMsMax, closeMsMax] = [2_000, 300, 3_500];
