/** The measured relay or projector: one background role on the pipeline that the environment names. Not a user's command. */
import { z } from "zod";
import { openRuntime, type Runtime } from "../../app/compose/open_runtime.ts";
import { viewsOf } from "../../app/compose/prepare_schema.ts";
import { runWorker } from "../../app/compose/run_worker.ts";
import { readConfig } from "../../config.ts";
import { bufferBatches } from "../../engine/kafka/buffer_share.ts";
import { fetcherDefaults } from "../../engine/kafka/fetcher_options.ts";
import { runMembership } from "../../engine/kafka/membership.ts";
import { projectPartition } from "../../engine/projection/project_partition.ts";
import { ProgressTeller } from "./progress_teller.ts";
import { readJobLine } from "./read_job_line.ts";

/** What it is told. */
export const roleJobSchema = z.object({ role: z.enum(["relay", "projector"]), group: z.string() });

async function runRelay(runtime: Runtime, teller: ProgressTeller, signal: AbortSignal) {
  teller.began();
  await runWorker(runtime, {
    roles: ["relay"],
    guarantee: "exactly-once",
    observers: { relay: { relayed: ({ rows }) => teller.committed(rows) } },
  }, signal);
}

async function runProjector(
  { client, config, database }: Runtime,
  groupId: string,
  teller: ProgressTeller,
  signal: AbortSignal,
) {
  const projection = viewsOf(config);
  await runMembership(client, {
    groupId,
    topics: projection.topics,
    sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
    bufferBytesMax: bufferBatches * config.BATCH_BYTES_MAX,
    fetch: fetcherDefaults,
    lane(assignment) {
      teller.began();
      return projectPartition(assignment, {
        sql: database.sql,
        projection,
        dedupe: "position",
        bounds: { recordsMax: config.BATCH_RECORDS_MAX, bytesMax: config.BATCH_BYTES_MAX },
        backoff: { firstMs: 100, waitMsMax: config.DEPENDENCY_BACKOFF_MS_MAX },
        onApplied: ({ events }) => teller.committed(events),
      });
    },
  }, signal);
}

if (import.meta.main) {
  const { role, group } = roleJobSchema.parse(JSON.parse(await readJobLine()));
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort());
  {
    await using runtime = await openRuntime(readConfig(), { applicationName: "onceflow bench" });
    using teller = new ProgressTeller();
    await (role === "relay"
      ? runRelay(runtime, teller, stop.signal)
      : runProjector(runtime, group, teller, stop.signal));
  }
  Deno.exit(0);
}
