/** Wires the projection commands: the read model of this configuration over these services. */
import type { Config } from "../../config.ts";
import { createKafkaClient } from "../../engine/kafka/kafka_client.ts";
import { openLogSource } from "../../engine/kafka/log_source.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { refusePooler } from "../../engine/postgres/refuse_pooler.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import {
  type ProjectionStatus,
  projectionStatus,
} from "../../engine/projection/projection_status.ts";
import {
  type RebuildProgress,
  rebuildProjection,
  type RebuildReport,
} from "../../engine/projection/rebuild_projection.ts";
import { missingRebuildRights } from "../../engine/projection/rebuild_rights.ts";
import { type Backoff, waitForPostgres } from "../../engine/projection/wait_for_postgres.ts";
import type { Sql } from "../../engine/postgres/sql.ts";
import { holdRebuild } from "./hold_rebuild.ts";
import { viewsOf } from "./prepare_schema.ts";
import type { Services } from "./services.ts";

/** Builds the read model anew from the log, beside the live one, and swaps. */
export async function rebuildViews(
  config: Config,
  services: Services,
  options: {
    readonly allowMissingHistory: boolean;
    readonly onProgress: (progress: RebuildProgress) => void;
    readonly signal: AbortSignal;
  },
): Promise<RebuildReport> {
  await using database = openViewsDatabase(services);
  const projection = viewsOf(config);
  const backoff = { firstMs: 100, waitMsMax: config.DEPENDENCY_BACKOFF_MS_MAX };
  await waitForPostgres(() => refusePooler(services.databaseUrl), backoff, options.signal);
  await using _turn = await holdRebuild(database.sql, services.databaseUrl, projection.name, {
    backoff,
    signal: options.signal,
  });
  await refuseWithoutRights(database.sql, projection, backoff, options.signal);
  await using source = openLogSource(createKafkaClient(services.kafka));
  const deps = {
    sql: database.sql,
    source,
    dedupe: "position",
    bounds: { recordsMax: config.BATCH_RECORDS_MAX, bytesMax: config.BATCH_BYTES_MAX },
    backoff,
  } as const;
  return await translatingErrors(() => rebuildProjection(deps, { projection, ...options }));
}

/** @throws when the user may not do what a rebuild does, with the statements that would allow it */
async function refuseWithoutRights(
  sql: Sql,
  projection: ReturnType<typeof viewsOf>,
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

/** Positions, lag and soundness of the read model. */
export async function viewsStatus(config: Config, services: Services): Promise<ProjectionStatus> {
  await using database = openViewsDatabase(services);
  await using source = openLogSource(createKafkaClient(services.kafka));
  const deps = { sql: database.sql, source, projection: viewsOf(config) };
  return await translatingErrors(() => projectionStatus(deps));
}

function openViewsDatabase({ databaseUrl }: Services) {
  return openDatabase(databaseUrl, {
    connectionsMax: 6,
    applicationName: "onceflow projection",
    statementTimeoutMs: 0,
  });
}
