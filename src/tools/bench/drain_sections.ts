/** The parts of the benchmark that drain a topic: the three guarantees, with and without a lookup, and other shapes. */
import { type Guarantee, guarantees } from "../../config.ts";
import { compareDrains, type Comparison, type Variant } from "./compare_drains.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import type { DrainFigures } from "./drain.ts";
import { isPerfect } from "./check_output.ts";
import { targets } from "./plan.ts";
import { openPrivatePipeline } from "./private_pipeline.ts";
import { type Figure, figure, type Section } from "./report.ts";
import { pairRatios, spreadOf } from "./statistics.ts";

/** What a section function answers; name, command and time are added by its caller. */
export type SectionResult = Pick<Section, "title" | "about" | "figures" | "plots" | "notes">;

/** Below this the start of a process is most of a drain. */
const steadyRecords = 200_000;
const startUpNote =
  "So few records are drained in half a second, most of which is how a process starts; see --full for its speed.";

const flowChild = () => ownProcess("flow_child.ts");

/** Exactly-once against at-least-once against at-most-once, without a lookup. */
export async function drainSection(context: BenchContext): Promise<SectionResult> {
  const { plan: { drainRecords, rounds } } = context;
  const found = await compareDrains(
    context,
    "drain",
    guarantees.map((guarantee) => ofGuarantee(guarantee, drainRecords, "plain")),
    rounds,
  );
  return {
    title: "A full topic is worked off",
    about:
      `${drainRecords} records of about 250 bytes of JSON in 4 partitions: parsed, validated, one field added, serialised, ` +
      `written with the same key to 4 partitions, acks=all. One process; from the first record in the transform to the ` +
      `last commit. Every output is read back by Kafka's Java client and compared.`,
    figures: guaranteeFigures("drain", found, true),
    plots: [],
    notes: [...drainRecords < steadyRecords ? [startUpNote] : [], ...notesOf(found)],
  };
}

/** The same with the reference application's invoicing: decimal arithmetic, and a tax rate from Postgres. */
export async function lookupSection(context: BenchContext): Promise<SectionResult> {
  const { plan: { lookupRecords, rounds } } = context;
  await using pipeline = await openPrivatePipeline(context);
  const found = await compareDrains(
    context,
    "lookup",
    guarantees.map((guarantee) => {
      const variant = ofGuarantee(guarantee, lookupRecords, "lookup");
      return { ...variant, job: { ...variant.job, database_url: pipeline.databaseUrl } };
    }),
    Math.max(1, Math.ceil(rounds / 2)),
  );
  return {
    title: "The same with a look-up in Postgres",
    about:
      `${lookupRecords} orders through the reference application's invoicing: strict schemas, decimal arithmetic, two ` +
      `name-based UUIDs, and the tax rate of the currency read from Postgres once per transaction.`,
    figures: guaranteeFigures("lookup", found, false),
    plots: [],
    notes: notesOf(found),
  };
}

/** Other batch bounds, other partition counts, two processes. */
export async function shapesSection(context: BenchContext): Promise<SectionResult> {
  const { plan } = context;
  const base = { command: flowChild(), records: plan.shapeRecords, partitions: 4 };
  const strong = ["exactly-once", "at-least-once"] as const;
  const variants: Variant[] = [
    ...plan.batches.flatMap((batch) =>
      strong.map((guarantee) => ({
        ...base,
        id: `batch-${batch}.${guarantee}`,
        label: `batch ${batch}, ${guarantee}`,
        job: { guarantee, batch_records: batch },
      }))
    ),
    ...plan.partitions.map((partitions) => ({
      ...base,
      partitions,
      id: `partitions-${partitions}.exactly-once`,
      label: `${partitions} partition${partitions === 1 ? "" : "s"}, exactly-once`,
    })),
    ...strong.map((guarantee) => ({
      ...base,
      processes: 2,
      id: `processes-2.${guarantee}`,
      label: `2 processes, ${guarantee}`,
      job: { guarantee },
    })),
  ];
  if (!plan.batches.includes(2_000)) throw new RangeError("the plan has no batch of 2000 records");
  const found = await compareDrains(context, "shapes", variants, plan.shapeRounds);
  const figures = variants.flatMap((variant) =>
    throughput("shapes", variant.id, variant.label, found)
  );
  const cpu = (id: string) => found.rounds.get(id)?.map((round) => round.cpuMicrosPerRecord) ?? [];
  const many = cpu("partitions-16.exactly-once");
  const four = cpu("batch-2000.exactly-once");
  if (many.length > 0 && four.length > 0) {
    figures.push(figure(
      "shapes.partitions-16.cpu_ratio",
      "CPU per record, 16 partitions to 4",
      "ratio",
      "lower",
      pairRatios(many, four),
      targets.partitionsCpuRatio,
    ));
  }
  for (const batch of plan.batches) {
    figures.push(
      ...ratioFigure(found, `batch-${batch}.exactly-once`, `batch-${batch}.at-least-once`, {
        id: `shapes.batch-${batch}.ratio`,
        label: `batch ${batch}, exactly-once to at-least-once`,
        target: batch >= 2_000 ? targets.exactlyOnceToAtLeastOnce : undefined,
      }),
    );
  }
  return {
    title: "Batch bounds, partitions, processes",
    about:
      `${plan.shapeRecords} records of the same work; 4 partitions, 2000 records a transaction ` +
      `and one process unless said otherwise.`,
    figures,
    plots: [],
    notes: notesOf(found),
  };
}

function ofGuarantee(guarantee: Guarantee, records: number, work: "plain" | "lookup"): Variant {
  return {
    id: guarantee,
    label: guarantee,
    command: flowChild(),
    records,
    partitions: 4,
    job: { guarantee, work },
    // Many small transactions: a broker that was started just now compiles its code for them only after hundreds.
    warmUp: { batch_records: 200 },
  };
}

function guaranteeFigures(section: string, found: Comparison, withTargets: boolean): Figure[] {
  const figures: Figure[] = guarantees.flatMap((guarantee) =>
    throughput(section, guarantee, guarantee, found, withTargets)
  );
  for (const guarantee of ["exactly-once", "at-most-once"] as const) {
    figures.push(...ratioFigure(found, guarantee, "at-least-once", {
      id: `${section}.${guarantee}.ratio`,
      label: `${guarantee} to at-least-once, round by round`,
      target: guarantee === "exactly-once" ? targets.exactlyOnceToAtLeastOnce : undefined,
    }));
  }
  return figures;
}

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
