/** Rolls a rebuild back, and drops what it has kept, with connections of its own. What it does is in `rollback_projection.ts`. */
import { translatingErrors } from "../postgres/translate_error.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { holdRebuild } from "./hold_rebuild.ts";
import type { ProjectionPlace } from "./migrate_projection.ts";
import {
  dropOldTablesInTransaction,
  findOldTables,
  type OldTables,
  oldTablesOf,
} from "./old_tables.ts";
import { openProjectionDatabase, type ProjectionSettings } from "./projection_settings.ts";
import { withRebuildTurn } from "./rebuild_turn.ts";
import type { RebuildProgress } from "./replay_and_swap.ts";
import {
  type RollbackPlan,
  rollbackProjection,
  type RollbackReport,
} from "./rollback_projection.ts";

/** What to roll back, and who is told. */
export interface RollbackSettings<Event extends ProjectionEvent> extends ProjectionSettings<Event> {
  /**
   * Puts the old tables back as they are: readers see the past until the projectors have caught up, and triggers on the
   * tables fire again for that.
   */
  readonly atOnce?: boolean;
  /** Told what it is about to do, before anything is changed. What is thrown there ends it. */
  readonly beforeRollback?: (plan: RollbackPlan) => void | Promise<void>;
  /** Told how far it is. */
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/**
 * Puts the tables back that the last rebuild has replaced, with their positions, under the program of their version. What
 * came meanwhile is folded into them first, so that no reader sees a step back (unless `atOnce`). The tables that were live
 * are kept in their turn: a second rollback undoes the first.
 *
 * The user needs the rights of `rebuild`.
 *
 * @throws {HaltError} when the topics do not hold any more what the old tables lack, or the exchange would lose what others
 * have added to the live tables
 * @throws {RefusedError} when nothing is kept, it is of another version, a rebuild is at work, or the user lacks a right
 */
export async function rollback<Event extends ProjectionEvent>(
  settings: RollbackSettings<Event>,
): Promise<RollbackReport> {
  return await withRebuildTurn(
    settings,
    "roll back",
    (deps) => rollbackProjection(deps, settings),
  );
}

/** Whose old tables to drop, and who is told. */
export interface DropOldTablesSettings extends ProjectionPlace {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told what is about to be dropped. What is thrown there ends it. */
  readonly beforeDrop?: (old: OldTables) => void | Promise<void>;
}

/**
 * Drops the tables that the last rebuild or rollback has kept, with their positions, and answers which they were; undefined
 * where there were none. There is no way back to them then.
 *
 * @throws {HaltError} naming what depends on them: nothing is dropped by cascade
 * @throws {RefusedError} when a rebuild or a rollback is at work
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function dropOldTables(
  { databaseUrl, schema, projection, signal, beforeDrop }: DropOldTablesSettings,
): Promise<OldTables | undefined> {
  await using database = openProjectionDatabase({ databaseUrl, schema, connectionsMax: 2 }, {
    applicationName: "onceflow projection",
    statementTimeoutMs: 0,
  });
  const { sql } = database;
  await translatingErrors(() => sql`select`);
  const backoff = { firstMs: 100, waitMsMax: 1_000 };
  await using _turn = await holdRebuild(sql, databaseUrl, projection.name, { backoff, signal });
  return await translatingErrors(async () => {
    const found = await findOldTables(sql, projection.name);
    if (found === undefined) return undefined;
    await beforeDrop?.(oldTablesOf(found));
    return await sql.begin(async (tx) => {
      await tx`select set_config('lock_timeout', '10s', true)`;
      return await dropOldTablesInTransaction(tx, projection.name);
    });
  });
}
