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
  const of = (take: (round: DrainFigures) => number) => spreadOf(rounds.map(take));
  const target = withTargets && id === "exactly-once" ? targets.drainCpuMicrosPerRecord : undefined;
  return [
    figure(`${section}.${id}.rate`, label, "records/s", "higher", of((r) => r.recordsPerSecond)),
    figure(
      `${section}.${id}.rate_warm`,
      label,
      "records/s, warm",
      "higher",
      of((r) => r.warmRecordsPerSecond),
    ),
    figure(
      `${section}.${id}.cpu`,
      label,
      "µs CPU/record",
      "lower",
      of((r) => r.cpuMicrosPerRecord),
      target,
    ),
    figure(
      `${section}.${id}.cpu_warm`,
      label,
      "µs CPU/record, warm",
      "lower",
      of((r) => r.warmCpuMicrosPerRecord),
    ),
    figure(`${section}.${id}.rss`, label, "MiB", "lower", of((r) => r.rssMiBMax)),
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
