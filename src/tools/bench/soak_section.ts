/** The part of the benchmark about memory: an exactly-once flow at a steady rate, its size over time. */
import { type BenchContext, ownProcess } from "./context.ts";
import { delay } from "../../engine/core/delay.ts";
import type { Progress } from "./job.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { targets } from "./plan.ts";
import { figure, type SectionResult } from "./report.ts";
import { startLoad } from "./run_load.ts";
import { spreadOf } from "./statistics.ts";

const rate = 1_000;
const partitions = 4;
const afterMs = 2_000;
/** A process that has just started grows whatever it does: a shorter run is no soak, and says nothing of growth. */
const slopeSecondsMin = 30;

/** See the file's first line. */
export async function soakSection(context: BenchContext): Promise<SectionResult> {
  const seconds = context.plan.soakSeconds;
  const input = await context.topic("soak.in", partitions);
  const output = await context.topic("soak.out", partitions);
  context.say(`soak: ${seconds} s at ${rate} a second`);
  const job = context.job({ input, output, group: "soak", partitions });
  const samples: Progress[] = [];
  {
    await using flow = new MeasuredProcess(ownProcess("flow_child.ts"), job, (progress) => {
      const last = samples.at(-1);
      if (!last || progress.at_ms - last.at_ms >= 1_000) samples.push(progress);
    });
    await using load = await startLoad(context, {
      topic: input,
      partitions,
      rate,
      from: 0,
      count: seconds * rate,
    });
    await Promise.race([
      load.sent,
      flow.ended.then(() => Promise.reject(new Error(`the flow ended: ${flow.complaint}`))),
    ]);
    await delay(afterMs, context.signal);
  }
  const first = samples[0];
  if (!first) throw new Error("the flow did nothing");
  const minutes = samples.map(({ at_ms }) => (at_ms - first.at_ms) / 60_000);
  const sizes = samples.map(({ rss_mib }) => rss_mib);
  const half = samples.length >> 1;
  const slope = slopeOf(minutes.slice(half), sizes.slice(half));
  const isShort = seconds < slopeSecondsMin;
  const what =
    `An exactly-once flow at ${rate} events a second for ${seconds} s: the resident size of its process.`;
  return {
    title: isShort ? "Memory at a steady rate" : "Memory over a soak",
    about: isShort
      ? `${what} Too short to say whether it grows: that takes the soak of a run without --quick, or of --full.`
      : `${what} The growth is that of a line through the second half.`,
    figures: [
      figure(
        "soak.rss_max",
        "highest",
        "MiB",
        "lower",
        spreadOf([Math.max(...sizes)]),
        targets.memoryMiB,
      ),
      ...(isShort ? [] : [figure("soak.slope", "growth", "MiB/min", "lower", spreadOf([slope]))]),
    ],
    // Of a process that has just started the curve only rises.
    plots: isShort ? [] : [{
      title: "Memory of the worker",
      xLabel: "minutes",
      yLabel: "MiB",
      xScale: "linear",
      yScale: "linear",
      curves: [{ label: "exactly-once", x: minutes, y: sizes }],
    }],
    notes: [`${samples.at(-1)?.records ?? 0} events were processed.`],
  };
}

/** Of the line of least squares; 0 where there are too few points. */
export function slopeOf(x: readonly number[], y: readonly number[]): number {
  const count = x.length;
  if (count < 2) return 0;
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / count;
  const meanX = mean(x);
  const meanY = mean(y);
  let above = 0;
  let below = 0;
  for (let i = 0; i < count; i++) {
    const dx = (x[i] ?? 0) - meanX;
    above += dx * ((y[i] ?? 0) - meanY);
    below += dx * dx;
  }
  return below === 0 ? 0 : above / below;
}
