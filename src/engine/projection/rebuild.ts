/** Rebuilds a projection with connections of its own, one at a time in a database. What it does is in `rebuild_projection.ts`. */
import { openLogSource } from "../kafka/log_source.ts";
import { withClient } from "../kafka/with_client.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import type { Comparison } from "./compare_staged.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { openProjectionDatabase, type ProjectionSettings } from "./projection_settings.ts";
import { type ProjectionStatus, projectionStatus } from "./projection_status.ts";
import { rebuildProjection, type RebuildReport } from "./rebuild_projection.ts";
import { withRebuildTurn } from "./rebuild_turn.ts";
import type { RebuildProgress } from "./replay_and_swap.ts";

/** What to rebuild, and who is told. */
export interface RebuildSettings<Event extends ProjectionEvent> extends ProjectionSettings<Event> {
  /** Goes on where a topic has lost records that the live tables have folded: the new tables lack them. */
  readonly allowMissingHistory?: boolean;
  /** Folds no more than so many records a second; as fast as it can where absent. */
  readonly recordsPerSecond?: number;
  /** Told how far it is, after each transaction. */
  readonly onProgress?: (progress: RebuildProgress) => void;
  /**
   * Where it is given the new tables are compared with the live ones, row by row and at one place of the log, and it is told
   * before they are exchanged. What is thrown there ends the rebuild, and its tables are dropped. Projectors and readers go on
   * meanwhile, for as long as it takes.
   */
  readonly beforeSwap?: (comparison: Comparison) => void | Promise<void>;
  /** How many rows of each table are given in full; 20 where absent. All are counted. */
  readonly differencesMax?: number;
}

/**
 * Replays every partition from the start of its log into tables beside the live ones, and swaps them in. Readers and
 * projectors go on all the while; what others had added to the live tables (indexes, policies, grants) is kept, and what
 * cannot be kept stops it before the swap. The tables that were live are kept, with their positions, until `dropOldTables` or
 * the next rebuild drops them: `rollback` is the way back. They take their room on disk, and nobody but their owner sees
 * them. A fold that writes other tables is refused, so that nothing is done a second time.
 *
 * The user must own the tables, and may create schemas in the database. Names of projections are unique in a database.
 *
 * @throws {TypeError} when `recordsPerSecond` is no number above 0
 * @throws {HaltError} when a log has lost its beginning, the tables refuse a record, or the swap would lose what others
 * have added to the live tables
 * @throws {RebuildReplacedError} when another rebuild was started in the meantime
 * @throws {RefusedError} when another rebuild of it is at work, or the user lacks a right, with the statements that grant it
 */
export async function rebuild<Event extends ProjectionEvent>(
  settings: RebuildSettings<Event>,
): Promise<RebuildReport> {
  return await withRebuildTurn(settings, "rebuild", (deps) => rebuildProjection(deps, settings));
}

/**
 * Positions, lag, row counts and the projection's own checks (whole tables are scanned). Changes nothing.
 *
 * @throws {DependencyDownError} when Postgres or Kafka cannot be reached
 */
export async function readStatus<Event extends ProjectionEvent>(
  settings: ProjectionSettings<Event>,
): Promise<ProjectionStatus> {
  const { projection, signal } = settings;
  return await withClient(settings, signal, async (client) => {
    await using database = openProjectionDatabase(settings, {
      applicationName: "onceflow projection",
      statementTimeoutMs: 0,
    });
    await using source = openLogSource(client);
    const deps = { sql: database.sql, source, projection };
    return await translatingErrors(() => projectionStatus(deps));
  });
}
