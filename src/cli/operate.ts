/** `operate`: lets operators act over HTTP. */
import { Command } from "commander";
import { createObservability } from "../app/compose/observability.ts";
import { startOperate } from "../app/compose/run_operate.ts";
import { runUntilSignal, untilAborted } from "../app/compose/run_until_signal.ts";
import { readConfig } from "../config.ts";
import { resolveServices } from "../tools/resolve_services.ts";
import { messageOf } from "./message_of.ts";
import { progress, serviceProgress } from "./progress.ts";

/** The command, ready to be added to the program. */
export function operateCommand(): Command {
  return new Command("operate")
    .description(
      "Let operators act over HTTP, and on the page of serve: redrive, unpark, rebuild, roll back.",
    )
    .addHelpText(
      "after",
      "\nIt listens at OPERATE_HTTP_PORT (8081). serve hands POST /operate/... on to OPERATE_URL; both have the same API_TOKENS,\n" +
        "and only a token with the right `operate` may. It needs the rights in Kafka of `dlq redrive` and `dlq unpark`, and a\n" +
        "DATABASE_URL whose user may write audit_log; to rebuild, one that owns the read model. Neither serve nor worker has\n" +
        "these rights. What is under way when it is stopped or killed is safe: do it again.",
    )
    .action(async () => {
      const config = readConfig();
      const services = await resolveServices(config, "find", { onProgress: progress });
      await runUntilSignal(async (signal) => {
        await using server = startOperate(config, services, createObservability(), messageOf);
        serviceProgress(config)(`Operating at http://${server.host}:${server.port}`);
        await untilAborted(signal);
      }, { shutdownMsMax: config.SHUTDOWN_MS_MAX });
    });
}
