/** The parts of the benchmark about the relay (outbox to Kafka) and the projector (Kafka to the read model). */
import { appendRows } from "./append_rows.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { fillTopic } from "./fill_topic.ts";
import type { Progress } from "./job.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { targets } from "./plan.ts";
import { openPrivatePipeline, type PrivatePipeline } from "./private_pipeline.ts";
import { type Figure, figure, type SectionResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const roleMsMax = 300_000;

/** Rows in an outbox, as fast as the relay brings them to Kafka. */
export async function relaySection(context: BenchContext): Promise<SectionResult> {
  const rows = context.plan.relayRows;
  await using pipeline = await openPrivatePipeline(context);
  context.say(`relay: appending ${rows} rows`);
  await appendRows(pipeline, 0, rows, context.signal);
  context.say(`relay: relaying ${rows} rows`);
  const progress = await untilRole(context, pipeline, "relay", rows);
  const end = await context.probe.end(pipeline.config.ORDERS_TOPIC);
  let seen = 0;
  await context.probe.dump(pipeline.config.ORDERS_TOPIC, () => seen++);
  return {
    title: "Relay throughput from a backlog",
    about:
      `${rows} rows that wait in the outbox, published by one relay in transactions of up to ` +
      `${context.config.RELAY_BATCH_RECORDS_MAX} rows with its cursor in each; its start is included.`,
    figures: roleFigures("relay", "relay", "rows/s", progress, targets.relayRowsPerSecond),
    plots: [],
    notes: [
      seen === rows
        ? `Kafka's Java client sees ${seen} committed records for ${rows} rows (log end ${end}).`
        : `WRONG: Kafka's Java client sees ${seen} committed records for ${rows} rows.`,
    ],
  };
}

/** A topic of orders, as fast as the projector folds it into the read model. */
export async function projectorSection(context: BenchContext): Promise<SectionResult> {
  const count = context.plan.projectorRecords;
  await using pipeline = await openPrivatePipeline(context);
  const { config, runtime } = pipeline;
  const partitions = runtime.partitions.get(config.ORDERS_TOPIC) ?? 1;
  await fillTopic(context.client, config.ORDERS_TOPIC, {
    count,
    partitions,
    signal: context.signal,
  });
  context.say(`projector: ${count} events`);
  const progress = await untilRole(context, pipeline, "projector", count);
  const [row] = await runtime.database.sql<{ rows: number }[]>`
    select count(*)::int as rows from order_view
  `;
  return {
    title: "Projector throughput",
    about:
      `${count} orders folded into the read model, rows and position in one Postgres transaction a batch.`,
    figures: roleFigures("projector", "projector", "events/s", progress),
    plots: [],
    notes: [
      row?.rows === count
        ? `order_view has one row for each of ${count} orders.`
        : `WRONG: order_view has ${row?.rows} rows for ${count} orders.`,
    ],
  };
}

function roleFigures(
  id: string,
  label: string,
  unit: string,
  { records, first_ms, at_ms, cpu_ms, rss_mib }: Progress,
  target?: number,
): Figure[] {
  const rate = records / ((at_ms - first_ms) / 1_000);
  return [
    figure(`${id}.rate`, label, unit, "higher", spreadOf([rate]), target),
    figure(`${id}.cpu`, label, "µs CPU each", "lower", spreadOf([cpu_ms * 1_000 / records])),
    figure(`${id}.rss`, label, "MiB", "lower", spreadOf([rss_mib])),
  ];
}

/** Runs a role until it has done that much; answers with its last progress. */
async function untilRole(
  { signal }: BenchContext,
  { env }: PrivatePipeline,
  role: "relay" | "projector",
  count: number,
): Promise<Progress> {
  const done = Promise.withResolvers<Progress>();
  const command = { ...ownProcess("role_child.ts"), env };
  const job = { role, group: `bench-${crypto.randomUUID()}` };
  await using child = new MeasuredProcess(command, job, (progress) => {
    if (progress.records >= count) done.resolve(progress);
  });
  const timer = setTimeout(
    () => done.reject(new Error(`the ${role} has done ${child.seen.at(-1)?.records ?? 0} only`)),
    roleMsMax,
  );
  child.ended.then(() => done.reject(new Error(`the ${role} ended: ${child.complaint}`)));
  const onAbort = () => done.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await done.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
