/** Puts a rebuild's tables in the place of the live ones, in one transaction. It never folds into the live tables. */
import type { BatchBounds } from "../core/ports.ts";
import type { Sql, Tx } from "../postgres/sql.ts";
import { applyBatchInTransaction } from "./apply_batch.ts";
import type { Origin } from "./additions.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { exchangeTablesInTransaction } from "./exchange_tables.ts";
import type { LogSource } from "./log_source.ts";
import { findMade } from "./made_of.ts";
import { noteSwapInTransaction } from "./note_swap.ts";
import { dropOldTablesInTransaction, keptSchema, type OldTables } from "./old_tables.ts";
import { replacedError, type StagedPartition, type Staging } from "./staging.ts";

/** What a swap needs. */
export interface SwapDeps {
  readonly sql: Sql;
  readonly source: LogSource;
  readonly bounds: BatchBounds;
  /** How long to wait for each lock before giving way to readers and projectors, and trying again. */
  readonly lockTimeoutMs: number;
  /** The live projectors stand still while the rebuild folds what they have more; no more than this many offsets. */
  readonly catchUpOffsetsMax: number;
  readonly catchUpMsMax: number;
}

/** `behind`: the live tables are too far ahead to catch up with in the transaction; fold on, then try again. */
export type SwapOutcome =
  | {
    readonly kind: "swapped";
    /** What others had added to the live tables and the new ones have now, in words. */
    readonly kept: readonly string[];
    /** Those that an earlier rebuild had kept. */
    readonly dropped?: OldTables;
  }
  | { readonly kind: "behind" };

/**
 * Swaps in one transaction. In the order of its locks, which is that of a folding transaction (version, position,
 * tables), so the two wait for each other and never deadlock:
 *
 * 1. the projection's version and the live positions: the live projectors wait from here on, readers do not;
 * 2. the rebuild folds what the live tables have more, so that no reader sees an order go back in time;
 * 3. the live tables, exclusively: readers wait from here to the commit, some milliseconds;
 * 4. old tables into a schema of their own and new ones in, with all that others had added to the old; positions and
 *    processed events renamed. What an earlier rebuild had kept is dropped.
 *
 * A live projector that was waiting for its position finds its compare-and-set refused, because the row that it waited
 * for is gone; it reads the new position and goes on from there in the new tables.
 */
export async function swapStaging<Event extends ProjectionEvent>(
  deps: SwapDeps,
  staging: Staging<Event>,
  partitions: readonly StagedPartition[],
  signal: AbortSignal,
): Promise<SwapOutcome> {
  const { projection, label } = staging.target;
  return await deps.sql.begin(async (tx): Promise<SwapOutcome> => {
    await tx`
      select set_config('lock_timeout', ${`${deps.lockTimeoutMs}ms`}, true),
        set_config('statement_timeout', '0', true)
    `;
    const [installed] = await tx`
      select tables, last_rebuild, kept_id from projections where name = ${projection.name} for update
    `;
    // An earlier attempt committed, and its answer was lost.
    if (installed?.last_rebuild === label) return { kind: "swapped", kept: [] };
    if (staging.old === undefined) await holdStagingInTransaction(tx, staging);
    else if (installed?.kept_id !== staging.id) throw replacedError(projection.name);
    if (
      !staging.old?.isBehind && !await catchUpInTransaction(tx, deps, staging, partitions, signal)
    ) {
      return { kind: "behind" };
    }
    // The live tables are kept in the place of those that are kept now, unless it is these that become live.
    const dropped = staging.old ? undefined : await dropOldTablesInTransaction(tx, projection.name);
    const keptId = crypto.randomUUID().slice(0, 8);
    const { kept, putAway } = await exchangeTablesInTransaction(tx, {
      projection: projection.name,
      stagingSchema: staging.schema,
      oldSchema: keptSchema(projection.name, keptId),
      oldTables: installed?.tables ?? [],
      newTables: projection.tables.map((table) => table.name),
      origin: await originInTransaction(tx, staging),
    });
    await noteSwapInTransaction(tx, staging, { id: keptId, tables: putAway });
    return { kind: "swapped", kept, dropped };
  });
}

/** How the live tables came to be, as far as that is known. */
export async function originInTransaction(
  tx: Tx,
  { target: { projection }, fresh, old }: Staging<ProjectionEvent>,
): Promise<Origin> {
  const [installed] = await tx`select version from projections where name = ${projection.name}`;
  return {
    fresh,
    own: old?.own,
    made: await findMade(tx, projection.name),
    sameVersion: Number(installed?.version) === projection.version,
  };
}

/** Keeps another rebuild from clearing this one away until the commit. */
async function holdStagingInTransaction(tx: Tx, { target }: Staging<ProjectionEvent>) {
  const rows = await tx`
    select topic from projection_positions where projection = ${target.label} for update
  `;
  if (rows.length === 0) throw replacedError(target.projection.name);
}

/** Up to where a partition of the rebuild is to be folded. */
export interface Goal {
  readonly partition: StagedPartition;
  readonly goal: number;
}

/**
 * Holds the live positions until the end of the transaction, and says how far they are beyond those of the rebuild, and how
 * far behind. Undefined where the live tables have a partition that the rebuild does not know yet.
 */
export async function findGoalsInTransaction(
  tx: Tx,
  source: LogSource,
  { target: { projection } }: Staging<ProjectionEvent>,
  partitions: readonly StagedPartition[],
): Promise<{ readonly goals: readonly Goal[]; readonly liveBehind: number } | undefined> {
  const live = await tx`
    select topic, partition, next_offset from projection_positions
    where projection = ${projection.name} order by topic, partition for update
  `;
  const goals: Goal[] = [];
  let liveBehind = partitions.reduce((sum, { start, position }) => sum + position - start, 0);
  for (const row of live) {
    const topic = String(row.topic);
    if (!projection.topics.includes(topic)) continue;
    const folded = Number(row.next_offset);
    const partition = partitions.find((one) =>
      one.topic === topic && one.partition === Number(row.partition)
    );
    // A partition that was added a moment ago, and the live projector has it already.
    if (partition === undefined && folded > 0) return undefined;
    if (partition === undefined) continue;
    const { start, position } = partition;
    liveBehind -= Math.max(Math.min(folded, position) - start, 0);
    if (folded <= position) continue;
    // A live position beyond the end of the log is of a topic that was recreated: there is nothing to catch up with.
    const { end } = await source.range(partition);
    goals.push({ partition, goal: Math.min(folded, end) });
  }
  return { goals, liveBehind };
}

/** Whether there is more to be folded than the live projectors may stand still for. */
export function isTooFar(
  { catchUpOffsetsMax }: Pick<SwapDeps, "catchUpOffsetsMax">,
  goals: readonly Goal[],
): boolean {
  return goals.reduce((sum, { partition, goal }) => sum + goal - partition.position, 0) >
    catchUpOffsetsMax;
}

/** Folds from each position of the rebuild to the live one. False when that is too far. */
async function catchUpInTransaction<Event extends ProjectionEvent>(
  tx: Tx,
  deps: SwapDeps,
  staging: Staging<Event>,
  partitions: readonly StagedPartition[],
  signal: AbortSignal,
): Promise<boolean> {
  const found = await findGoalsInTransaction(tx, deps.source, staging, partitions);
  if (found === undefined || isTooFar(deps, found.goals)) return false;
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(deps.catchUpMsMax)]);
  try {
    for (const { partition, goal } of found.goals) {
      await using reader = await deps.source.openReader(partition, partition.position);
      // `partition.position` must not move before the commit; the next replay finds it in Postgres.
      for (let from = partition.position; from < goal;) {
        const batch = await reader.next(deps.bounds, bounded);
        const outcome = await applyBatchInTransaction(tx, staging.target, partition, from, batch);
        if (outcome.kind === "moved") return false;
        from = batch.nextOffset;
      }
    }
    return true;
  } catch (error) {
    if (bounded.aborted && !signal.aborted && error === bounded.reason) return false;
    throw error;
  }
}
