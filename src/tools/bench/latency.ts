/** One latency measurement: load on schedule, a flow, and an eye that is neither; from due to seen. */
import { build, type Histogram } from "hdr-histogram-js";
import { delay } from "../../engine/core/delay.ts";
import { numberOfKey } from "./bench_event.ts";
import { type BenchContext, cpuMsOf } from "./context.ts";
import { fillTopic } from "./fill_topic.ts";
import type { Job } from "./job.ts";
import { type MeasuredCommand, MeasuredProcess } from "./measured_process.ts";
import type { Probe } from "./probe.ts";
import { startLoad } from "./run_load.ts";

/** What one measurement found. Times are milliseconds. */
export interface LatencyFigures {
  readonly histogram: Histogram;
  /** Events that were due after the warm-up and never seen. */
  readonly missing: number;
  /** Seen more than once. */
  readonly repeated: number;
  /** The flow's process, as a share of one core. */
  readonly flowCores: number;
  /** The broker's process; undefined where it is not ours. */
  readonly brokerCores: number | undefined;
  /** From due to acknowledged by the broker, before the flow comes into it. */
  readonly ackedP99Ms: number;
}

/** What to measure. */
export interface LatencyOptions {
  readonly name: string;
  readonly command: MeasuredCommand;
  readonly job?: Partial<Job>;
  readonly rate: number;
  readonly seconds: number;
  readonly warmSeconds: number;
}

const partitions = 4;
const primers = 200;
const primeMsMax = 30_000;
const afterMsMax = 10_000;

/** Runs it; `probe` is a second one, since it is busy for as long as the flow runs. */
export async function measureLatency(
  context: BenchContext,
  probe: Probe,
  options: LatencyOptions,
): Promise<LatencyFigures> {
  const { rate, name, signal = context.signal } = { ...options, signal: context.signal };
  const input = await context.topic(`${name}.in`, partitions);
  const output = await context.topic(`${name}.out`, partitions);
  const warm = Math.ceil(rate * options.warmSeconds);
  const count = warm + Math.ceil(rate * options.seconds);
  const seen = new Map<number, number>();
  let primed = 0;
  let repeated = 0;
  let onSeen = () => {};
  const following = await probe.follow(output, (key, at) => {
    const number = numberOfKey(key);
    if (number < primers) primed++;
    else if (seen.has(number)) repeated++;
    else seen.set(number, at);
    onSeen();
  });
  const until = async (isDone: () => boolean, msMax: number) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(msMax)]);
    while (!isDone() && !limit.aborted) {
      await new Promise<void>((resolve) => {
        onSeen = resolve;
        limit.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    signal.throwIfAborted();
  };
  try {
    const job = context.job({ input, output, group: name, partitions, ...options.job });
    await using flow = new MeasuredProcess(options.command, job);
    // The flow must have joined its group and warmed its paths before the clock runs.
    await fillTopic(context.client, input, { count: primers, partitions, signal });
    await until(() => primed >= primers, primeMsMax);
    if (primed < primers) throw new Error(`${name} did not begin: ${flow.complaint}`);
    await using load = await startLoad(context, {
      topic: input,
      partitions,
      rate,
      from: primers,
      count,
    });
    await delay(options.warmSeconds * 1_000, signal);
    const before = { flow: await cpuMsOf(flow.pid), broker: await context.brokerCpuMs() };
    const from = performance.now();
    const { acked_p99_ms: ackedP99Ms } = await load.sent;
    const ms = performance.now() - from;
    const after = { flow: await cpuMsOf(flow.pid), broker: await context.brokerCpuMs() };
    await until(() => seen.size >= count, afterMsMax);
    const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000 });
    let measured = 0;
    for (const [number, at] of seen) {
      if (number < primers + warm) continue;
      measured++;
      histogram.recordValue(Math.max(1, Math.round(at - load.dueMicros(number))));
    }
    return {
      histogram,
      missing: count - warm - measured,
      repeated,
      flowCores: ((after.flow ?? 0) - (before.flow ?? 0)) / ms,
      brokerCores: after.broker === undefined || before.broker === undefined
        ? undefined
        : (after.broker - before.broker) / ms,
      ackedP99Ms,
    };
  } finally {
    await following.stop().catch(() => {});
    if (!signal.aborted) await Promise.all([input, output].map((topic) => context.drop(topic)));
  }
}
