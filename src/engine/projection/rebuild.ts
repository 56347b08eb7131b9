/** Rebuilds a projection with connections of its own, one at a time in a database. What it does is in `rebuild_projection.ts`. */
import { openLogSource } from "../kafka/log_source.ts";
import { withClient } from "../kafka/with_client.ts";
import { refusePooler } from "../postgres/refuse_pooler.ts";
import type { Sql } from "../postgres/sql.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import type { Projection, ProjectionEvent } from "./define_projection.ts";
import { holdRebuild } from "./hold_rebuild.ts";
import { migrateWith } from "./migrate_projection.ts";
import {
  limitsOf,
  openProjectionDatabase,
  type ProjectionSettings,
} from "./projection_settings.ts";
import { type ProjectionStatus, projectionStatus } from "./projection_status.ts";
import {
  type RebuildProgress,
  rebuildProjection,
  type RebuildReport,
} from "./rebuild_projection.ts";
import { missingRebuildRights } from "./rebuild_rights.ts";
import { type Backoff, waitForPostgres } from "./wait_for_postgres.ts";

/** What to rebuild, and who is told. */
export interface RebuildSettings<Event extends ProjectionEvent> extends ProjectionSettings<Event> {
  /** Goes on where a topic has lost records that the live tables have folded: the new tables lack them. */
  readonly allowMissingHistory?: boolean;
  /** Told how far it is. */
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/**
 * Replays every partition from the start of its log into tables beside the live ones, and swaps them in. Readers and
 * projectors go on all the while; what others had added to the live tables (indexes, policies, grants) is kept, and what
 * cannot be kept stops it before the swap. A fold that writes other tables is refused, so that nothing is done a second time.
 *
 * The user must own the tables, and may create schemas in the database. Names of projections are unique in a database.
 *
 * @throws {HaltError} when a log has lost its beginning, the tables refuse a record, or the swap would lose what others
 * have added to the live tables
 * @throws {RebuildReplacedError} when another rebuild was started in the meantime
 * @throws {Error} when another rebuild of it is at work, or the user lacks a right, with the statements that grant it
 */
export async function rebuild<Event extends ProjectionEvent>(
  settings: RebuildSettings<Event>,
): Promise<RebuildReport> {
  const { databaseUrl, projection, schema, dedupe = "position", signal } = settings;
  const limits = limitsOf(settings);
  return await withClient(settings, signal, async (client) => {
    await using database = openProjectionDatabase(settings, {
      applicationName: "onceflow projection",
      statementTimeoutMs: 0,
    });
    const { sql } = database;
    const backoff = { firstMs: 100, waitMsMax: limits.dependencyBackoffMsMax };
    await waitForPostgres(() => refusePooler(databaseUrl), backoff, signal);
    await using _turn = await holdRebuild(sql, databaseUrl, projection.name, { backoff, signal });
    if (schema !== undefined) {
      await waitForPostgres(() => migrateWith(sql, projection, schema), backoff, signal);
    }
    await refuseWithoutRights(sql, projection, backoff, signal);
    await using source = openLogSource(client);
    const bounds = { recordsMax: limits.batchRecordsMax, bytesMax: limits.batchBytesMax };
    return await translatingErrors(() =>
      rebuildProjection({ sql, source, dedupe, bounds, backoff }, settings)
    );
  });
}

/** @throws when the user may not do what a rebuild does, with the statements that would allow it */
async function refuseWithoutRights(
  sql: Sql,
  projection: Pick<Projection, "name" | "tables">,
  backoff: Backoff,
  signal: AbortSignal,
): Promise<void> {
  const missing = await waitForPostgres(
    () => missingRebuildRights(sql, projection),
    backoff,
    signal,
  );
  if (missing.length === 0) return;
  throw new Error(
    `Cannot rebuild ${projection.name}: it makes a schema and exchanges the live tables, and the user of DATABASE_URL may ` +
      `not. Run it with a DATABASE_URL whose user owns the schema, or allow it: ${
        missing.join("; ")
      }`,
  );
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
