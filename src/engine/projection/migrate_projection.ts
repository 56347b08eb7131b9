/** Makes what a projection needs in Postgres: its tables, and those that say how far it has come. */
import { openDatabase } from "../postgres/database.ts";
import { migrate } from "../postgres/migrate.ts";
import { migrationScript } from "../postgres/migration_script.ts";
import { checkSchemaName } from "../postgres/schema_name.ts";
import type { Sql } from "../postgres/sql.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import type { Projection } from "./define_projection.ts";
import { type Installation, installationScript, installProjection } from "./install_projection.ts";
import { projectionMigrations } from "./projection_schema.ts";

/** Where a projection's tables are. */
export interface ProjectionPlace {
  /** `postgres://user:password@host:port/database`; the user may create tables, and the schema where that is missing. */
  readonly databaseUrl: string;
  /** The schema of the tables; where `search_path` points to where absent. */
  readonly schema?: string;
  /** Whose tables. */
  readonly projection: Pick<Projection, "name" | "version" | "tables">;
}

/**
 * Makes the tables of a projection where they are missing, and answers what was found. `runProjector` does the same where its
 * user may; call this before it, with a user that owns the schema, where it may not. It never changes tables that are there:
 * a new version comes by `rebuild`.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached, or the user may not make what is missing
 */
export async function migrateProjection(
  { databaseUrl, schema, projection }: ProjectionPlace,
): Promise<Installation> {
  if (schema !== undefined) checkSchemaName(schema);
  await using database = openDatabase(databaseUrl, {
    connectionsMax: 1,
    applicationName: "onceflow migrate",
    schema,
  });
  return await migrateWith(database.sql, projection, schema);
}

/**
 * The same as SQL, for a person who runs it with `psql` or any other client: one transaction that makes what is missing, and may
 * be run again. Tables that are there it leaves as they are, and warns where they hold another version. Who runs the projector
 * needs `usage` on the schema then, and `select`, `insert`, `update` and `delete` on its tables.
 *
 * ```sh
 * deno eval 'import { projectionMigrationsSql } from "@onceflow/onceflow/projection";
 *   import { shelf } from "./shelf.ts";
 *   console.log(projectionMigrationsSql({ schema: "reading", projection: shelf }))' > shelf.sql
 * psql --set ON_ERROR_STOP=1 --file shelf.sql
 * ```
 *
 * @throws {TypeError} when the schema cannot be one
 */
export function projectionMigrationsSql(
  { schema, projection }: Omit<ProjectionPlace, "databaseUrl">,
): string {
  if (schema !== undefined) checkSchemaName(schema);
  const script = migrationScript(projectionMigrations, {
    schema,
    then: installationScript(projection),
  });
  return `begin;\n${script}\ncommit;\n`;
}

/** The same over connections that see the schema. */
export async function migrateWith(
  sql: Sql,
  projection: ProjectionPlace["projection"],
  schema: string | undefined,
): Promise<Installation> {
  await migrate(sql, projectionMigrations, { schema });
  return await translatingErrors(() => installProjection(sql, projection));
}
