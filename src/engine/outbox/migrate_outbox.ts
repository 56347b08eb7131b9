/** Makes the tables and functions of an outbox, or says what is missing, or which SQL would make it. Needs no pool of ours. */
import { notRecorded } from "../postgres/migrate.ts";
import { migrationScript } from "../postgres/migration_script.ts";
import { inSchema } from "../postgres/schema_name.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import { agreeOnShards, noteShards } from "./agree_on_shards.ts";
import { checkOutbox, type Outbox } from "./outbox.ts";
import { outboxMigrationsIn } from "./outbox_migrations.ts";
import type { PostgresPool, PostgresQueries } from "./postgres_driver.ts";

/**
 * Brings an outbox up to date, in one transaction, and records its number of shards. Answers the names of the migrations that it
 * applied; where none is missing it changes nothing and needs no right to. Any number of processes may call it at once.
 *
 * ```ts ignore
 * const sql = postgres("postgres://...");
 * await migrateOutbox(sql, { schema: "shipping" });
 * ```
 *
 * @throws {TypeError} when the outbox is none
 * @throws {HaltError} when it was filled with another number of shards
 * @throws {DependencyDownError} when Postgres cannot be reached, or the user may not make what is missing
 */
export async function migrateOutbox(
  sql: PostgresPool,
  outbox: Outbox = {},
): Promise<readonly string[]> {
  const missing = await missingFromOutbox(sql, outbox);
  if (missing.length > 0) {
    await translatingErrors(() => sql.begin(async (tx) => await tx.unsafe(script(outbox))));
  }
  await agreeOnShards(sql, outbox.shards ?? 1, outbox);
  return missing;
}

/**
 * The migrations that an outbox lacks, by name; none when it is up to date. Only reads: for a check before a release.
 *
 * @throws {MigrationEditedError} when one was applied with another text than this version has
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function missingFromOutbox(
  sql: PostgresQueries,
  outbox: Outbox = {},
): Promise<readonly string[]> {
  checkOutbox(outbox);
  const table = `${inSchema(outbox.schema)}onceflow_migrations`;
  return await translatingErrors(async () => {
    const [found] = await sql.unsafe(`select to_regclass('${table}') is not null as there`);
    const rows = found?.there ? [...await sql.unsafe(`select name, checksum from ${table}`)] : [];
    const recorded = new Map(rows.map((row) => [String(row.name), String(row.checksum)]));
    return notRecorded(outboxMigrationsIn(outbox.schema), recorded).map(({ name }) => name);
  });
}

/**
 * The same as SQL, for a person who runs it with `psql` or any other client: one transaction that makes what is missing, and may
 * be run again. What it records {@linkcode missingFromOutbox} and {@linkcode migrateOutbox} understand.
 *
 * ```sh
 * deno eval 'import { outboxMigrationsSql } from "@onceflow/onceflow/outbox";
 *   console.log(outboxMigrationsSql({ schema: "shipping" }))' > outbox.sql
 * psql --set ON_ERROR_STOP=1 --file outbox.sql
 * ```
 *
 * @throws {TypeError} when the outbox is none
 */
export function outboxMigrationsSql(outbox: Outbox = {}): string {
  checkOutbox(outbox);
  return `begin;\n${script(outbox)}\ncommit;\n`;
}

function script({ schema, shards = 1 }: Outbox): string {
  return migrationScript(outboxMigrationsIn(schema), {
    schema,
    then: `${noteShards("outbox_settings", shards)};`,
  });
}
