/** Rebuilds a read model from the log beside the live one, and swaps it in. It never stops the live projectors. */
import type { Sql } from "../postgres/sql.ts";
import type { Comparison } from "./compare_staged.ts";
import type { Projection, ProjectionEvent } from "./define_projection.ts";
import { installProjection } from "./install_projection.ts";
import { findOldTables, type OldTables, oldTablesOf } from "./old_tables.ts";
import { type RebuildDeps, replayAndSwap, type ReplayOptions } from "./replay_and_swap.ts";
import { rebuildStep } from "./rebuild_step.ts";
import {
  dropStagingInTransaction,
  oneAtATimeInTransaction,
  openStaging,
  type Staging,
} from "./staging.ts";

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
  /** The tables that were live before: `rollback` puts them back, `dropOldTables` drops them. */
  readonly old?: OldTables;
  /** The tables that an earlier rebuild had kept, which gave way to those. */
  readonly dropped?: OldTables;
  /** How the new tables differed from the live ones, where that was asked for. */
  readonly comparison?: Comparison;
  /** How long it took, milliseconds. */
  readonly elapsedMs: number;
}

/**
 * Replays every partition from the start of its log into tables beside the live ones, round after round until little is
 * missing, then swaps ({@linkcode swapStaging}) and keeps the tables that were live. Readers and live projectors go on all
 * the while. Outages of Postgres and of Kafka are waited out. What it had made is dropped when it fails; after a `kill -9`
 * the next rebuild drops it.
 *
 * @throws {HaltError} when a log has lost its beginning, the tables refuse a record, or the swap would lose what others
 * have added to the live tables
 * @throws {RebuildReplacedError} when another rebuild was started in the meantime
 */
export async function rebuildProjection<Event extends ProjectionEvent>(
  deps: RebuildDeps,
  options: ReplayOptions & { readonly projection: Projection<Event> },
): Promise<RebuildReport> {
  const { projection, signal } = options;
  const startedAt = performance.now();
  const { sql } = deps;
  const found = await rebuildStep(deps, signal, () => installProjection(sql, projection));
  const staging = await rebuildStep(deps, signal, () => openStaging(sql, projection, deps.dedupe));
  try {
    const { swapped, ...done } = await replayAndSwap(deps, staging, [], options);
    const old = await rebuildStep(deps, signal, () => findOldTables(sql, projection.name));
    return {
      projection: projection.name,
      version: projection.version,
      replacedVersion: found.kind === "stale" ? found.version : projection.version,
      ...done,
      kept: swapped.kept,
      old: old && oldTablesOf(old),
      dropped: swapped.dropped,
      elapsedMs: Math.round(performance.now() - startedAt),
    };
  } catch (error) {
    await dropQuietly(sql, staging);
    throw error;
  }
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
