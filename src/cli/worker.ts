/** `worker`: the background roles. */
import { Command, InvalidArgumentError, Option } from "commander";
import {
  createObservability,
  observeHorizon,
  watchFigures,
  workerObservers,
} from "../app/compose/observability.ts";
import { metricsGuard, refuseOpenDoor } from "../app/compose/open_door.ts";
import { openUntilStopped } from "../app/compose/open_runtime.ts";
import { runUntilSignal } from "../app/compose/run_until_signal.ts";
import { watchPostgresAside } from "../app/compose/watch_postgres.ts";
import { runWorker } from "../app/compose/run_worker.ts";
import { groupsOf, type Role, roles } from "../app/compose/roles.ts";
import { type Guarantee, guarantees, readConfig } from "../config.ts";
import { serveHealth } from "../engine/observe/health_server.ts";
import { notStarted } from "../engine/observe/not_started.ts";
import { dropUnneeded, servicesOfRole } from "../tools/resolve_services.ts";
import { serviceProgress } from "./progress.ts";

interface WorkerArguments {
  readonly only: readonly Role[];
  readonly guarantee?: Guarantee;
}

/** The command, ready to be added to the program. */
export function workerCommand(): Command {
  return new Command("worker")
    .description(
      "Run the background roles: relay (outbox to Kafka), flow (orders to invoices), projector (Kafka to the read model).",
    )
    .addOption(
      new Option("--only <roles>", "run only these, separated by commas")
        .default(roles, roles.join(","))
        .argParser(parseRoles),
    )
    .addOption(
      new Option("--guarantee <guarantee>", "what the flow guarantees")
        .choices(guarantees),
    )
    .addHelpText(
      "after",
      "\nHealth and metrics are at WORKER_HTTP_PORT at once. A Kafka or Postgres that is away is waited for without a limit,\n" +
        "and /readyz says so. A role that halts stays at /readyz with its reason while the others go on; when none is left,\n" +
        "the exit code is 1. It is 1 as well when the worker is stopped and a role had halted.",
    )
    .action(async ({ only, guarantee }: WorkerArguments) => {
      const config = readConfig();
      await dropUnneeded(config);
      refuseOpenDoor(config);
      const progress = serviceProgress(config);
      const observability = createObservability();
      const starting = notStarted(observability.health);
      await runUntilSignal(async (signal) => {
        await using health = serveHealth({
          hostname: config.HTTP_HOST,
          port: config.WORKER_HTTP_PORT,
          health: starting.health,
          metrics: observability.metrics,
          allowedHosts: config.HTTP_ALLOWED_HOSTS,
          mayReadMetrics: metricsGuard(config),
        });
        progress(`Health and metrics at http://${health.hostname}:${health.port}/readyz`);
        await using runtime = await openUntilStopped(config, {
          applicationName: "onceflow worker",
          findServices: () => servicesOfRole(config, { onProgress: progress, signal }),
          health: observability.health,
          signal,
          roles: only,
        });
        if (!runtime) return;
        starting.started();
        progress("Working");
        observeHorizon(observability, runtime.database.sql);
        const ended = new AbortController();
        const watching = watchPostgresAside(
          runtime.services.databaseUrl,
          observability.health,
          AbortSignal.any([signal, ended.signal]),
        );
        try {
          await runWorker(runtime, {
            roles: only,
            guarantee: guarantee ?? config.GUARANTEE,
            health: observability.health,
            observers: workerObservers(observability),
            figures: watchFigures(observability, groupsOf(config)),
          }, signal);
        } finally {
          ended.abort();
          await watching;
        }
      }, { shutdownMsMax: config.SHUTDOWN_MS_MAX });
    });
}

function parseRoles(text: string): Role[] {
  return text.split(",").map((word) => {
    const role = roles.find((candidate) => candidate === word.trim());
    if (role) return role;
    throw new InvalidArgumentError(`"${word}" is not one of ${roles.join(", ")}.`);
  });
}
