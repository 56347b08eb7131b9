/** The part of the benchmark about the size of the outbox: rows that are deleted as soon as they are published. */
import { delay } from "../../engine/core/delay.ts";
import { appendRows } from "./append_rows.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { targets } from "./plan.ts";
import { openPrivatePipeline, type PrivatePipeline } from "./private_pipeline.ts";
import { figure, type SectionResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const rate = 1_000;
const stepMs = 100;
const sampleMs = 500;
const drainMsMax = 120_000;

/** See the file's first line. */
export async function retentionSection(context: BenchContext): Promise<SectionResult> {
  const { signal, plan: { retentionSeconds: seconds, relayRows: backlog } } = context;
  await using pipeline = await openPrivatePipeline(context);
  const env = { ...pipeline.env, OUTBOX_RETENTION_HOURS: "0" };
  const job = { role: "relay", group: "retention" };
  await using relay = new MeasuredProcess({ ...ownProcess("role_child.ts"), env }, job);
  const over = new AbortController();
  const samples: { readonly at: number; readonly rows: number }[] = [];
  const startedAt = performance.now();
  const sampling = (async () => {
    while (!over.signal.aborted) {
      samples.push({ at: (performance.now() - startedAt) / 1_000, rows: await rowsLeft(pipeline) });
      await delay(sampleMs, over.signal).catch(() => {});
    }
  })();
  try {
    context.say(`retention: ${seconds} s at ${rate} rows a second`);
    // The relay is up before the first figure counts.
    await appendRows(pipeline, 0, 1, signal);
    await until(() => relay.seen.length > 0, "the relay has begun", signal);
    samples.length = 0;
    for (let step = 0; step < seconds * 1_000 / stepMs; step++) {
      const rows = rate * stepMs / 1_000;
      await appendRows(pipeline, 1 + step * rows, rows, signal);
      const dueAt = (step + 1) * stepMs;
      await delay(Math.max(0, dueAt - (performance.now() - startedAt)), signal);
    }
    const steady = samples.slice();
    const placed = 1 + seconds * rate;
    context.say(`retention: a backlog of ${backlog} rows`);
    await appendRows(pipeline, placed, backlog, signal);
    const published = () => (relay.seen.at(-1)?.records ?? 0) >= placed + backlog;
    await until(published, "the backlog is published", signal);
    const publishedAt = performance.now();
    // The last row stays: the cursor names it.
    await until(async () => await rowsLeft(pipeline) <= 1, "the backlog is deleted", signal);
    const lagMs = performance.now() - publishedAt;
    const most = Math.max(...steady.map(({ rows }) => rows));
    return {
      title: "Size of the outbox",
      about:
        `Rows that are left in the outbox with OUTBOX_RETENTION_HOURS=0, at ${rate} orders a ` +
        `second for ${seconds} s; then how long after the last row of a backlog of ${backlog} was ` +
        `published, as fast as the relay can, the last of them was deleted.`,
      figures: [
        figure(
          "retention.rows",
          "steady",
          "rows at most",
          "lower",
          spreadOf([most]),
          targets.outboxRowsMax,
        ),
        figure("retention.lag", "backlog", "s behind", "lower", spreadOf([lagMs / 1_000])),
      ],
      plots: [{
        title: "Rows in the outbox",
        xLabel: "seconds",
        yLabel: "rows",
        xScale: "linear",
        yScale: "linear",
        curves: [{
          label: "rows",
          x: samples.map(({ at }) => at),
          y: samples.map(({ rows }) => rows),
        }],
      }],
      notes: [`${placed + backlog} rows were published and deleted.`],
    };
  } finally {
    over.abort();
    await sampling.catch(() => {});
  }
}

async function rowsLeft({ runtime }: PrivatePipeline): Promise<number> {
  const [row] = await runtime.database.sql<{ rows: number }[]>`
    select count(*)::int as rows from outbox
  `;
  return row?.rows ?? 0;
}

async function until(
  isMet: () => boolean | Promise<boolean>,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + drainMsMax;
  while (!await isMet()) {
    if (performance.now() > end) throw new Error(`Waited in vain until ${what}`);
    await delay(50, signal);
  }
}
