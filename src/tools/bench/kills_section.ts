/** The part of the benchmark about correctness: what each guarantee does to customers while its worker is killed. */
import { delay } from "../../engine/core/delay.ts";
import { type Guarantee, guarantees } from "../../config.ts";
import { numberOfKey } from "./bench_event.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import type { SectionResult } from "./drain_sections.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { type Figure, figure } from "./report.ts";
import { startLoad } from "./run_load.ts";
import { spreadOf } from "./statistics.ts";

const partitions = 4;
const killEveryMs = 5_000;
/** A dead worker is missed after this long; six seconds is the least that brokers allow unless told otherwise. */
const sessionMsEmbedded = 1_500;
const sessionMsElsewhere = 6_000;
/** An output later than this means that the flow is behind. */
const behindMs = 500;
const quietMs = 6_000;
const endMsMax = 40_000;

interface KillFigures {
  readonly guarantee: Guarantee;
  readonly expected: number;
  readonly twice: number;
  readonly never: number;
  readonly kills: number;
  /** From each kill until outputs were timely again; Infinity where they were not before the next kill. */
  readonly catchUpMs: readonly number[];
}

/** All three guarantees at the same time, so that the same moments of the machine hit all of them. */
export async function killsSection(context: BenchContext): Promise<SectionResult> {
  const { plan } = context;
  context.say(`kills: ${plan.killSeconds} s, all guarantees side by side`);
  const found = await Promise.all(guarantees.map((guarantee) => killRun(context, guarantee)));
  const figures = found.flatMap(({ guarantee, twice, never, catchUpMs }): Figure[] => {
    const id = `kills.${guarantee}`;
    const times = catchUpMs.filter(Number.isFinite);
    const target = guarantee === "exactly-once" ? 0 : undefined;
    return [
      figure(
        `${id}.twice`,
        guarantee,
        "customers invoiced twice",
        "lower",
        spreadOf([twice]),
        target,
      ),
      figure(
        `${id}.never`,
        guarantee,
        "customers never invoiced",
        "lower",
        spreadOf([never]),
        target,
      ),
      ...(times.length === 0
        ? []
        : [figure(`${id}.catch_up`, guarantee, "catch-up ms", "lower", spreadOf(times))]),
    ];
  });
  return {
    title: "Correctness beside speed",
    about:
      `${plan.killRate} orders a second to each guarantee, one customer an order; each worker is killed with SIGKILL ` +
      `every ${
        killEveryMs / 1_000
      } s and started again. Counted by Kafka's Java client under read_committed. Catch-up: ` +
      `from a kill until outputs come within ${behindMs} ms again; a worker that died is missed after ` +
      `${sessionMs(context)} ms.`,
    figures,
    plots: [],
    notes: found.map(({ guarantee, expected, kills, catchUpMs }) =>
      `${guarantee}: ${expected} orders, ${kills} kills` +
      (catchUpMs.includes(Infinity) ? ", not always caught up before the next kill" : "")
    ),
  };
}

function sessionMs({ services }: BenchContext): number {
  return services.embedded ? sessionMsEmbedded : sessionMsElsewhere;
}

async function killRun(context: BenchContext, guarantee: Guarantee): Promise<KillFigures> {
  const { plan, signal } = context;
  await using probe = await context.openProbe();
  const name = `kills-${guarantee}`;
  const input = await context.topic(`${name}.in`, partitions);
  const output = await context.topic(`${name}.out`, partitions);
  const expected = Math.ceil(plan.killRate * plan.killSeconds);
  const seen = new Uint8Array(expected);
  let distinct = 0;
  let lastSeenAt = performance.now();
  const sights: { number: number; atMicros: number }[] = [];
  const following = await probe.follow(output, (key, atMicros) => {
    const number = numberOfKey(key);
    if (number < 0 || number >= expected) return;
    const before = seen[number] ?? 0;
    if (before === 0) distinct++;
    seen[number] = Math.min(255, before + 1);
    lastSeenAt = performance.now();
    sights.push({ number, atMicros });
  });
  const job = context.job({
    input,
    output,
    group: name,
    guarantee,
    partitions,
    session_timeout_ms: sessionMs(context),
  });
  const start = () => new MeasuredProcess(ownProcess("flow_child.ts"), job);
  let worker = start();
  const killsAtMicros: number[] = [];
  try {
    // The load begins when the worker works, or the first kill would hit a start.
    await delay(1_500, signal);
    await using load = await startLoad(context, {
      topic: input,
      partitions,
      rate: plan.killRate,
      from: 0,
      count: expected,
    });
    let loading = true;
    load.sent.then(() => loading = false);
    while (true) {
      await delay(killEveryMs, signal);
      if (!loading) break;
      worker.kill("SIGKILL");
      killsAtMicros.push(Date.now() * 1_000);
      await worker.ended;
      worker = start();
    }
    await load.sent;
    const limit = performance.now() + endMsMax;
    while (distinct < expected && performance.now() < limit) {
      await delay(100, signal);
      // What at-most-once has lost never comes: quiet for longer than a takeover lasts is the end.
      const quietFor = performance.now() - lastSeenAt;
      if (guarantee === "at-most-once" && quietFor > quietMs + sessionMs(context)) break;
    }
    const dueMicros = load.dueMicros;
    return {
      guarantee,
      expected,
      twice: seen.reduce((sum, count) => sum + (count > 1 ? 1 : 0), 0),
      never: expected - distinct,
      kills: killsAtMicros.length,
      catchUpMs: killsAtMicros.map((kill, index) =>
        catchUp(sights, dueMicros, kill, killsAtMicros[index + 1] ?? Infinity)
      ),
    };
  } finally {
    await worker[Symbol.asyncDispose]();
    await following.stop().catch(() => {});
    if (!signal.aborted) await Promise.all([input, output].map((topic) => context.drop(topic)));
  }
}

/** From the kill to the last late output before the next one. */
function catchUp(
  sights: readonly { readonly number: number; readonly atMicros: number }[],
  dueMicros: (number: number) => number,
  kill: number,
  nextKill: number,
): number {
  const between = sights.filter(({ atMicros }) => atMicros > kill && atMicros < nextKill);
  const late = between.filter(({ number, atMicros }) =>
    atMicros - dueMicros(number) > behindMs * 1_000
  );
  const lastLate = late.at(-1)?.atMicros;
  if (lastLate === undefined) return between.length === 0 ? Infinity : 0;
  const timely = between.some(({ atMicros }) => atMicros > lastLate);
  return timely || nextKill === Infinity ? (lastLate - kill) / 1_000 : Infinity;
}
