/** Gives a rebuild or a rollback what it needs, one at a time in a database and with its rights looked at first. It folds nothing. */
import { RefusedError } from "../core/refused_error.ts";
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
import { missingRebuildRights } from "./rebuild_rights.ts";
import { rebuildStep } from "./rebuild_step.ts";
import type { RebuildDeps } from "./replay_and_swap.ts";
import { type Backoff, waitForPostgres } from "./wait_for_postgres.ts";

/**
 * Opens connections, takes the turn, looks at the rights, and closes all of it when `work` has ended.
 *
 * @throws {RefusedError} when another one is at work, or the user lacks a right, with the statements that grant it
 * @throws {DependencyDownError} when Kafka or Postgres cannot be reached at the start; later they are waited for
 */
export async function withRebuildTurn<Event extends ProjectionEvent, T>(
  settings: ProjectionSettings<Event>,
  verb: "rebuild" | "roll back",
  work: (deps: RebuildDeps) => Promise<T>,
): Promise<T> {
  const { databaseUrl, projection, schema, dedupe = "position", signal } = settings;
  const limits = limitsOf(settings);
  // A comparison holds the positions with one, folds with another, and reads both tables with a third.
  const connectionsMax = Math.max(3, limits.connectionsMax);
  return await withClient(settings, signal, async (client) => {
    await using database = openProjectionDatabase({ ...settings, connectionsMax }, {
      applicationName: "onceflow projection",
      statementTimeoutMs: 0,
    });
    const { sql } = database;
    const backoff = { firstMs: 100, waitMsMax: limits.dependencyBackoffMsMax };
    // Until something has begun, what cannot be reached ends it: the command says so, and an outage is waited out later.
    await using source = openLogSource(client);
    await refusePooler(databaseUrl);
    await translatingErrors(() => sql`select`);
    for (const topic of projection.topics) await source.partitions(topic);
    await using _turn = await holdRebuild(sql, databaseUrl, projection.name, { backoff, signal });
    if (schema !== undefined) {
      await waitForPostgres(() => migrateWith(sql, projection, schema), backoff, signal);
    }
    await refuseWithoutRights(sql, projection, verb, backoff, signal);
    const bounds = { recordsMax: limits.batchRecordsMax, bytesMax: limits.batchBytesMax };
    return await translatingErrors(() => work({ sql, source, dedupe, bounds, backoff }));
  });
}

/** @throws {RefusedError} when the user may not do what is to be done, with the statements that would allow it */
async function refuseWithoutRights(
  sql: Sql,
  projection: Pick<Projection, "name" | "tables">,
  verb: string,
  backoff: Backoff,
  signal: AbortSignal,
): Promise<void> {
  const missing = await rebuildStep(
    { sql, backoff },
    signal,
    () => missingRebuildRights(sql, projection),
  );
  if (missing.length === 0) return;
  throw new RefusedError(
    `Cannot ${verb} ${projection.name}: it makes a schema and exchanges the live tables, and the user of DATABASE_URL may ` +
      `not. Run it with a DATABASE_URL whose user owns the schema, or allow it: ${
        missing.join("; ")
      }`,
  );
}
