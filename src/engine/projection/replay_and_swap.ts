/** Folds into tables beside the live ones until little is missing, then swaps them in. It never touches the live tables itself. */
import type { BatchBounds } from "../core/ports.ts";
import { TransientError } from "../core/errors.ts";
import { RefusedError } from "../core/refused_error.ts";
import type { Sql } from "../postgres/sql.ts";
import { compareStaged, type Comparison } from "./compare_staged.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import type { Dedupe } from "./fold_target.ts";
import type { LogSource } from "./log_source.ts";
import { paceOf } from "./pace.ts";
import { rebuildStep } from "./rebuild_step.ts";
import { replayPartitions } from "./replay_partitions.ts";
import { addPartitions, type StagedPartition, type Staging } from "./staging.ts";
import { type SwapOutcome, swapStaging } from "./swap_staging.ts";
import { copyIndexes, refuseLosses } from "./staged_additions.ts";
import type { Backoff, OnDependency } from "./wait_for_postgres.ts";

/** What a rebuild needs. */
export interface RebuildDeps {
  readonly sql: Sql;
  readonly source: LogSource;
  readonly dedupe: Dedupe;
  readonly bounds: BatchBounds;
  readonly backoff: Backoff;
  readonly onDependency?: OnDependency;
  readonly limits?: Partial<RebuildLimits>;
}

/** The limits of a rebuild. */
export interface RebuildLimits {
  readonly partitionsAtOnceMax: number;
  /** A rebuild that is still behind after so many rounds is slower than the load, and fails. */
  readonly passesMax: number;
  readonly lockTimeoutMs: number;
  readonly lockAttemptsMax: number;
  readonly catchUpOffsetsMax: number;
  readonly catchUpMsMax: number;
}

const defaultLimits: RebuildLimits = {
  partitionsAtOnceMax: 4,
  passesMax: 20,
  lockTimeoutMs: 1_000,
  lockAttemptsMax: 30,
  catchUpOffsetsMax: 10_000,
  catchUpMsMax: 5_000,
};

/** How far a rebuild is, in offsets of the log. */
export interface RebuildProgress {
  /** `replay`: records are folded; `swap`: the new tables take the place of the live ones. */
  readonly phase: "replay" | "swap";
  /** The round, from 1: what came meanwhile is folded in the next one. */
  readonly pass: number;
  /** Offsets that are folded, */
  readonly offsetsDone: number;
  /** of so many as are known now. */
  readonly offsetsTotal: number;
}

/** How to go about it. */
export interface ReplayOptions {
  readonly signal: AbortSignal;
  readonly allowMissingHistory?: boolean;
  readonly recordsPerSecond?: number;
  readonly onProgress?: (progress: RebuildProgress) => void;
  readonly beforeSwap?: (comparison: Comparison) => void | Promise<void>;
  readonly differencesMax?: number;
}

/** What it did until the swap, and in it. */
export interface ReplayedAndSwapped {
  readonly partitions: number;
  readonly events: number;
  readonly skipped: number;
  readonly passes: number;
  readonly comparison?: Comparison;
  readonly swapped: Extract<SwapOutcome, { readonly kind: "swapped" }>;
}

/**
 * Replays round after round, from where the partitions stand, and swaps. Readers and live projectors go on all the while.
 *
 * @param known the partitions that stand somewhere already; the others begin at the start of their logs
 */
export async function replayAndSwap<Event extends ProjectionEvent>(
  deps: RebuildDeps,
  staging: Staging<Event>,
  known: readonly StagedPartition[],
  options: ReplayOptions,
): Promise<ReplayedAndSwapped> {
  const { signal, allowMissingHistory = false, recordsPerSecond = Infinity } = options;
  const { sql, source } = deps;
  const { name } = staging.target.projection;
  const limits = { ...defaultLimits, ...deps.limits };
  // No more at a time than in a second.
  const recordsMax = Math.max(1, Math.min(deps.bounds.recordsMax, Math.floor(recordsPerSecond)));
  const replay = {
    ...{ ...deps, ...limits },
    bounds: { ...deps.bounds, recordsMax },
    pace: paceOf(options.recordsPerSecond),
  };
  const step = <T>(work: () => Promise<T>) => rebuildStep(deps, signal, work, staging);
  const count = { events: 0, skipped: 0 };
  let partitions = [...known];
  let comparison: Comparison | undefined;
  await step(() => refuseLosses(sql, staging));
  for (let pass = 1; pass <= limits.passesMax; pass++) {
    if (!staging.old?.isBehind) {
      const before = partitions;
      partitions = await step(() =>
        addPartitions(sql, staging, source, before, allowMissingHistory)
      );
      const ends = await step(() => endsOf(source, partitions));
      const report = (phase: RebuildProgress["phase"]) =>
        options.onProgress?.({ phase, pass, ...offsets(partitions, ends) });
      report("replay");
      await replayPartitions(replay, staging, partitions, ends, signal, (batch) => {
        count.events += batch.events;
        count.skipped += batch.skipped;
        report("replay");
      });
      report("swap");
    }
    await step(() => copyIndexes(sql, staging));
    await step(() => analyzeTables(sql, staging));
    if (options.beforeSwap !== undefined && comparison === undefined) {
      const { differencesMax = 20 } = options;
      comparison = await step(() =>
        compareStaged({ ...deps, ...limits }, staging, partitions, differencesMax, signal)
      );
      if (comparison === undefined) continue;
      await options.beforeSwap(comparison);
    }
    const swapped = await swap(deps, limits, staging, partitions, signal);
    if (swapped.kind === "behind") continue;
    return { partitions: partitions.length, ...count, passes: pass, swapped, comparison };
  }
  throw new RefusedError(
    `Cannot swap in ${name}: after ${limits.passesMax} rounds it is still behind, because records come ` +
      "faster than it folds them; run it at a calmer hour or with more records a second, or stop the projectors first",
  );
}

async function swap<Event extends ProjectionEvent>(
  deps: RebuildDeps,
  limits: RebuildLimits,
  staging: Staging<Event>,
  partitions: readonly StagedPartition[],
  signal: AbortSignal,
) {
  const backoff = { ...deps.backoff, conflictsMax: limits.lockAttemptsMax };
  const attempt = () => swapStaging({ ...deps, ...limits }, staging, partitions, signal);
  try {
    return await rebuildStep({ ...deps, backoff }, signal, attempt, staging);
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    const { name } = staging.target.projection;
    throw new RefusedError(
      `Cannot swap in the rebuilt ${name}: its live tables were locked in each of ${limits.lockAttemptsMax} attempts; ` +
        "look for a long transaction in pg_stat_activity, then run the rebuild again",
      { cause: error },
    );
  }
}

async function endsOf(source: LogSource, partitions: readonly StagedPartition[]) {
  const ends = new Map<StagedPartition, number>();
  for (const partition of partitions) ends.set(partition, (await source.range(partition)).end);
  return ends;
}

function offsets(
  partitions: readonly StagedPartition[],
  ends: ReadonlyMap<StagedPartition, number>,
) {
  let [offsetsDone, offsetsTotal] = [0, 0];
  for (const partition of partitions) {
    const end = Math.max(ends.get(partition) ?? 0, partition.position);
    offsetsDone += partition.position - partition.start;
    offsetsTotal += end - partition.start;
  }
  return { offsetsDone, offsetsTotal };
}

/** So that the first queries after the swap are planned for the rows that are there. */
async function analyzeTables(sql: Sql, { target }: Staging<ProjectionEvent>): Promise<void> {
  for (const { name } of target.projection.tables) await sql`analyze ${sql(target.table(name))}`;
}
