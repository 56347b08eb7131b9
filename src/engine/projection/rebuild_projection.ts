/** Rebuilds a read model from the log beside the live one, and swaps it in. It never stops the live projectors. */
import type { RunBounds } from "../core/ports.ts";
import { TransientError } from "../core/errors.ts";
import type { Sql } from "../postgres/sql.ts";
import type { Projection, ProjectionEvent } from "./define_projection.ts";
import type { Dedupe } from "./fold_target.ts";
import { installProjection } from "./install_projection.ts";
import type { LogSource } from "./log_source.ts";
import { rebuildStep } from "./rebuild_step.ts";
import { replayPartitions } from "./replay_partitions.ts";
import {
  addPartitions,
  dropStagingInTransaction,
  oneAtATimeInTransaction,
  openStaging,
  type StagedPartition,
  type Staging,
} from "./staging.ts";
import { swapStaging } from "./swap_staging.ts";
import { copyIndexes, refuseLosses } from "./staged_additions.ts";
import type { Backoff, OnDependency } from "./wait_for_postgres.ts";

/** What a rebuild needs. */
export interface RebuildDeps {
  readonly sql: Sql;
  readonly source: LogSource;
  readonly dedupe: Dedupe;
  readonly bounds: RunBounds;
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

/** What a rebuild did. */
export interface RebuildReport {
  /** Its name. */
  readonly projection: string;
  /** The version of the new tables. */
  readonly version: number;
  /** The version that was there before. */
  readonly replacedVersion: number;
  /** Partitions that were replayed. */
  readonly partitions: number;
  /** Events that were folded. */
  readonly events: number;
  /** Records without an event of this projection. */
  readonly skipped: number;
  /** Rounds that it took. */
  readonly passes: number;
  /** What others had added to the live tables (policies, indexes, grants ...) and the new ones have, too. */
  readonly kept?: readonly string[];
  /** How long it took, milliseconds. */
  readonly elapsedMs: number;
}

/**
 * Replays every partition from the start of its log into tables beside the live ones, round after round until little is
 * missing, then swaps ({@linkcode swapStaging}). Readers and live projectors go on all the while. Outages of Postgres and of
 * Kafka are waited out. What it had made is dropped when it fails; after a `kill -9` the next rebuild drops it.
 *
 * @throws {HaltError} when a log has lost its beginning, the tables refuse a record, or the swap would lose what others
 * have added to the live tables
 * @throws {RebuildReplacedError} when another rebuild was started in the meantime
 */
export async function rebuildProjection<Event extends ProjectionEvent>(
  deps: RebuildDeps,
  options: {
    readonly projection: Projection<Event>;
    readonly signal: AbortSignal;
    readonly allowMissingHistory?: boolean;
    readonly onProgress?: (progress: RebuildProgress) => void;
  },
): Promise<RebuildReport> {
  const { projection, signal } = options;
  const startedAt = performance.now();
  const limits = { ...defaultLimits, ...deps.limits };
  const { sql, source } = deps;
  const found = await rebuildStep(deps, signal, () => installProjection(sql, projection));
  const staging = await rebuildStep(
    deps,
    signal,
    () => openStaging(sql, projection, deps.dedupe),
  );
  const step = <T>(work: () => Promise<T>) => rebuildStep(deps, signal, work, staging);
  const allowMissingHistory = options.allowMissingHistory ?? false;
  const count = { events: 0, skipped: 0 };
  let partitions: StagedPartition[] = [];
  try {
    await step(() => refuseLosses(sql, staging));
    for (let pass = 1; pass <= limits.passesMax; pass++) {
      const known = partitions;
      partitions = await step(() =>
        addPartitions(sql, staging, source, known, allowMissingHistory)
      );
      const ends = await step(() => endsOf(source, partitions));
      const report = (phase: RebuildProgress["phase"]) =>
        options.onProgress?.({ phase, pass, ...offsets(partitions, ends) });
      report("replay");
      await replayPartitions({ ...deps, ...limits }, staging, partitions, ends, signal, (run) => {
        count.events += run.events;
        count.skipped += run.skipped;
        report("replay");
      });
      report("swap");
      await step(() => copyIndexes(sql, staging));
      await step(() => analyzeTables(sql, staging));
      const outcome = await swap(deps, limits, staging, partitions, signal);
      if (outcome.kind === "behind") continue;
      return {
        projection: projection.name,
        version: projection.version,
        replacedVersion: found.kind === "stale" ? found.version : projection.version,
        partitions: partitions.length,
        ...count,
        passes: pass,
        kept: outcome.kept,
        elapsedMs: Math.round(performance.now() - startedAt),
      };
    }
    throw new Error(
      `Cannot rebuild ${projection.name}: after ${limits.passesMax} rounds it is still behind, because records come ` +
        "faster than it folds them; run it at a calmer hour, or stop the projectors first",
    );
  } catch (error) {
    await dropQuietly(sql, staging);
    throw error;
  }
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
    throw new Error(
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

/** The error on its way tells more than the failure to clean up; the next rebuild drops what is left. */
async function dropQuietly(sql: Sql, { id, target }: Staging<ProjectionEvent>): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      await oneAtATimeInTransaction(tx, target.projection.name);
      await dropStagingInTransaction(tx, target.projection.name, id);
    });
  } catch {
    // Postgres is down, or another rebuild is already clearing up.
  }
}
