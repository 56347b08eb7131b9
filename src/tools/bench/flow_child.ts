/** The measured process: one flow of onceflow over one topic, as it is told on standard input. Not a user's command. */
import { runFlow } from "../../engine/flow/run_flow.ts";
import { createKafkaClient } from "../../engine/kafka/kafka_client.ts";
import type { Flow } from "../../engine/core/flow.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { countFlow, lookupFlow, plainFlow } from "./bench_flow.ts";
import { type Job, jobSchema } from "./job.ts";
import { ProgressTeller } from "./progress_teller.ts";
import { readJobLine } from "./read_job_line.ts";

/** Runs until every record is done, or SIGTERM. */
export async function runFlowChild(job: Job): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => stop.abort());
  }
  using teller = new ProgressTeller();
  const place = { input: job.input, output: job.output, name: job.group };
  const database = job.work === "lookup"
    ? openDatabase(job.database_url, { connectionsMax: 2, applicationName: "onceflow bench" })
    : undefined;
  const run = <T>(flow: Flow<T>) => {
    let committed = 0;
    return runFlow(createKafkaClient(job.kafka), watched(flow, teller), stop.signal, {
      guarantee: job.guarantee,
      batchRecordsMax: job.batch_records,
      topicPartitions: job.partitions,
      sessionTimeoutMs: job.session_timeout_ms,
      observer: {
        committed: ({ records }) => {
          teller.committed(records);
          committed += records;
          if (committed === job.records) stop.abort();
        },
      },
    });
  };
  try {
    const ofOrders = job.work === "count" ? countFlow : plainFlow;
    await (database ? run(lookupFlow(database.sql, place)) : run(ofOrders(place)));
  } finally {
    await database?.close();
  }
}

/** The same flow; it tells when the first record reaches the transform. */
function watched<T>(flow: Flow<T>, teller: ProgressTeller): Flow<T> {
  let transform: Flow<T>["transform"] = (event, context) => {
    teller.began();
    transform = flow.transform;
    return flow.transform(event, context);
  };
  return { ...flow, transform: (event, context) => transform(event, context) };
}

if (import.meta.main) {
  await runFlowChild(jobSchema.parse(JSON.parse(await readJobLine())));
  Deno.exit(0);
}
