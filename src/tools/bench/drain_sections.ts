/** The parts of the benchmark that drain a topic: the three guarantees, with and without a lookup, and other shapes. */
import { type Guarantee, guarantees } from "../../config.ts";
import { compareDrains, type Comparison, type Variant } from "./compare_drains.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { notesOf, ratioFigure, throughput } from "./drain_figures.ts";
import { targets } from "./plan.ts";
import { openPrivatePipeline } from "./private_pipeline.ts";
import { type Figure, figure, type SectionResult } from "./report.ts";
import { pairRatios } from "./statistics.ts";

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
      `and one process unless said otherwise. Where a second process joins, at-least-once does again what the first had ` +
      `under way: these are its duplicates.`,
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
