/** The part of the benchmark about latency at fixed rates, for exactly-once and at-least-once. */
import type { Histogram } from "hdr-histogram-js";
import { type BenchContext, ownProcess } from "./context.ts";
import { type LatencyFigures, measureLatency } from "./latency.ts";
import { targets } from "./plan.ts";
import { type Curve, type Figure, figure, type Plot, type SectionResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const percentiles = [50, 95, 99, 99.9] as const;
const guarantees = ["exactly-once", "at-least-once"] as const;

/** See the file's first line. */
export async function latencySection(context: BenchContext): Promise<SectionResult> {
  const { plan } = context;
  await using probe = await context.openProbe();
  const figures: Figure[] = [];
  const plots: Plot[] = [];
  const notes: string[] = [];
  for (const rate of plan.rates) {
    const curves: Curve[] = [];
    for (const guarantee of guarantees) {
      context.say(`latency: ${rate} a second, ${guarantee}`);
      try {
        const found = await measureLatency(context, probe, {
          name: `latency-${rate}-${guarantee}`,
          command: ownProcess("flow_child.ts"),
          job: { guarantee },
          rate,
          seconds: plan.latencySeconds,
          warmSeconds: plan.latencyWarmSeconds,
        });
        const target = guarantee === "exactly-once" ? targets.latencyP99MsAt.get(rate) : undefined;
        figures.push(
          ...latencyFigures(
            `latency.${rate}.${guarantee}`,
            `${rate}/s, ${guarantee}`,
            found,
            target,
          ),
        );
        curves.push(percentileCurve(guarantee, found.histogram));
        if (found.missing + found.repeated > 0) {
          notes.push(
            `${rate}/s, ${guarantee}: ${found.missing} not seen in time, ${found.repeated} seen twice`,
          );
        }
      } catch (error) {
        context.signal.throwIfAborted();
        notes.push(
          `${rate}/s, ${guarantee} failed: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
    if (curves.length > 0) plots.push(percentilePlot(`At ${rate} events a second`, curves));
  }
  return {
    title: "Latency at fixed rates",
    about:
      "From the moment at which an event was due on the input topic to the moment at which an independent Java " +
      "consumer under read_committed, in another process, saw its output. The load is an open loop: a stall delays " +
      "nothing that comes after, and all waiting counts. Shares of a core are those of the flow and the broker.",
    figures,
    plots,
    notes,
  };
}

/** Percentiles, maximum, and what the processes cost. */
export function latencyFigures(
  id: string,
  label: string,
  { histogram, flowCores, brokerCores, ackedP99Ms }: LatencyFigures,
  targetP99?: number,
): Figure[] {
  const one = (name: string, unit: string, value: number, target?: number) =>
    figure(`${id}.${name}`, label, unit, "lower", spreadOf([value]), target);
  return [
    ...percentiles.map((percentile) =>
      one(
        `p${percentile}`,
        `p${percentile} ms`,
        histogram.getValueAtPercentile(percentile) / 1_000,
        percentile === 99 ? targetP99 : undefined,
      )
    ),
    one("max", "max ms", histogram.maxValue / 1_000),
    one("input_p99", "input acknowledged, p99 ms", ackedP99Ms),
    one("flow_cores", "cores, flow", flowCores),
    ...(brokerCores === undefined ? [] : [one("broker_cores", "cores, broker", brokerCores)]),
  ];
}

/** Latency over the percentile, the axis stretched towards 100 as HDR plots have it. */
export function percentileCurve(label: string, histogram: Histogram): Curve {
  const x: number[] = [];
  const y: number[] = [];
  for (let oneIn = 1; oneIn <= Math.max(10, histogram.totalCount); oneIn *= 1.25) {
    x.push(Number(oneIn.toPrecision(4)));
    y.push(histogram.getValueAtPercentile(100 - 100 / oneIn) / 1_000);
  }
  return { label, x, y };
}

/** Percentile curves over common axes. */
export function percentilePlot(title: string, curves: readonly Curve[]): Plot {
  return {
    title,
    xLabel: "all but one in",
    yLabel: "ms",
    xScale: "log",
    yScale: "log",
    curves: [...curves],
  };
}
