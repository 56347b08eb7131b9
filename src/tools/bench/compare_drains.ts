/** Drains the same input in several ways, in turn: A B C, A B C, so that a slow moment of the machine hits all alike. */
import type { BenchContext } from "./context.ts";
import { drain, type DrainFigures } from "./drain.ts";
import type { Job } from "./job.ts";
import type { MeasuredCommand } from "./measured_process.ts";

/** One way of draining. */
export interface Variant {
  readonly id: string;
  readonly label: string;
  readonly command: MeasuredCommand;
  readonly processes?: number;
  readonly records: number;
  readonly partitions: number;
  /** Its input's records bring traces. */
  readonly traced?: boolean;
  readonly job?: Partial<Job>;
  /** What is different in the round that is thrown away. */
  readonly warmUp?: Partial<Job>;
}

/** What became of the variants. */
export interface Comparison {
  /** The rounds that count, by the variant's id; a variant that failed has those before it did. */
  readonly rounds: ReadonlyMap<string, readonly DrainFigures[]>;
  /** In which round a variant failed and why, by its id. */
  readonly failures: ReadonlyMap<string, string>;
}

const stallMsMax = 45_000;

/**
 * Runs `rounds` rounds after one that warms up the broker and the disk's cache and is thrown away; a single round goes
 * without it.
 */
export async function compareDrains(
  context: BenchContext,
  name: string,
  variants: readonly Variant[],
  rounds: number,
): Promise<Comparison> {
  const results = new Map<string, DrainFigures[]>();
  const failures = new Map<string, string>();
  for (let round = rounds > 1 ? 0 : 1; round <= rounds; round++) {
    for (const variant of variants) {
      if (failures.has(variant.id)) continue;
      context.signal.throwIfAborted();
      context.say(
        `${name}: ${round === 0 ? "warm-up" : `round ${round} of ${rounds}`}, ${variant.label}`,
      );
      try {
        const job = { ...variant.job, ...(round === 0 && variant.warmUp) };
        const figures = await drainOnce(context, `${name}.${variant.id}.${round}`, {
          ...variant,
          job,
        });
        if (round > 0) results.set(variant.id, [...results.get(variant.id) ?? [], figures]);
      } catch (error) {
        context.signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        failures.set(variant.id, round === 0 ? reason : `round ${round}: ${reason}`);
      }
    }
  }
  return { rounds: results, failures };
}

async function drainOnce(
  context: BenchContext,
  name: string,
  { command, processes = 1, records, partitions, traced, job }: Variant,
): Promise<DrainFigures> {
  const input = await context.input(records, { partitions, traced });
  const output = await context.topic(name, partitions);
  const given = context.job({ input, output, group: name, records, partitions, ...job });
  try {
    return await drain(context.probe, {
      ...{ command, processes, job: given, stallMsMax },
      signal: context.signal,
    });
  } finally {
    if (!context.signal.aborted) {
      await context.drop(output).catch(() => {});
      for (const topic of stateTopics(given)) await context.probe.delete([topic]).catch(() => {});
    }
  }
}

/** Where onceflow and Kafka Streams keep state, if this work has some. */
function stateTopics({ work, group }: Job): string[] {
  return work === "count" ? [`onceflow.${group}.state`, `${group}-counts-changelog`] : [];
}
