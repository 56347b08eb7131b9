/** What drains that were compared come to, in figures and notes of a report. */
import { isPerfect } from "./check_output.ts";
import type { Comparison } from "./compare_drains.ts";
import type { DrainFigures } from "./drain.ts";
import { targets } from "./plan.ts";
import { type Figure, figure } from "./report.ts";
import { pairRatios, spreadOf } from "./statistics.ts";

/** Records per second, CPU, both warm, and memory, of one variant. */
export function throughput(
  section: string,
  id: string,
  label: string,
  found: Comparison,
  withTargets = false,
): Figure[] {
  const rounds = found.rounds.get(id);
  if (!rounds || rounds.length === 0) return [];
  const target = withTargets && id === "exactly-once" ? targets.drainCpuMicrosPerRecord : undefined;
  const made = (
    name: string,
    unit: string,
    better: Figure["better"],
    take: (round: DrainFigures) => number,
    goal?: number,
  ) => figure(`${section}.${id}.${name}`, label, unit, better, spreadOf(rounds.map(take)), goal);
  return [
    made("rate", "records/s", "higher", (r) => r.recordsPerSecond),
    made("rate_warm", "records/s, warm", "higher", (r) => r.warmRecordsPerSecond),
    made("cpu", "µs CPU/record", "lower", (r) => r.cpuMicrosPerRecord, target),
    made("cpu_warm", "µs CPU/record, warm", "lower", (r) => r.warmCpuMicrosPerRecord),
    made("rss", "MiB", "lower", (r) => r.rssMiBMax),
  ];
}

/** The ratio of two variants' throughput, round by round. */
export function ratioOf(found: Comparison, id: string, base: string, warm = false) {
  const rates = (name: string) =>
    found.rounds.get(name)?.map((round) =>
      warm ? round.warmRecordsPerSecond : round.recordsPerSecond
    );
  const values = rates(id);
  const against = rates(base);
  return values && against && values.length > 0 && against.length > 0
    ? pairRatios(values, against)
    : undefined;
}

/** The throughput of one way to that of another, as a figure; none where either has no round. */
export function ratioFigure(
  found: Comparison,
  of: string,
  base: string,
  { id, label, target }: { readonly id: string; readonly label: string; readonly target?: number },
): Figure[] {
  const ratio = ratioOf(found, of, base);
  return ratio ? [figure(id, label, "ratio", "higher", ratio, target)] : [];
}

/** What went wrong, and that the rest was right. */
export function notesOf(found: Comparison): string[] {
  const notes = [...found.failures].map(([id, reason]) => `${id} failed: ${reason}`);
  let records = 0;
  for (const [id, rounds] of found.rounds) {
    for (const { check } of rounds) {
      records += check.expected;
      if (isPerfect(check)) continue;
      notes.push(
        `${id}: ${check.lost} lost, ${check.duplicated} duplicated, ${check.wrong} wrong` +
          (check.first ? ` (${check.first})` : ""),
      );
    }
  }
  const all = `Outputs compared one by one: ${records} records.`;
  return notes.length === 0
    ? [`${all} None lost, doubled, altered or out of order.`]
    : [all, ...notes];
}
