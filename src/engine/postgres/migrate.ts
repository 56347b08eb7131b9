/** Applies each room's migrations, once each and in order. Never changes one that was shipped. */
import { createHash } from "node:crypto";
import type { Queryable, Sql } from "./sql.ts";
import { translatingErrors } from "./translate_error.ts";
import { withTransaction } from "./with_transaction.ts";

/** One step of a schema. Once shipped, neither its name nor its SQL may change. */
export interface Migration {
  /** Unique over all rooms, with the room first: `outbox_0001_table`. */
  readonly name: string;
  /** One or more statements; they run in the transaction of the whole migration. */
  readonly sql: string;
}

/** A migration's record differs from its text: somebody edited it after it was shipped. */
export class MigrationEditedError extends Error {
  override name = "MigrationEditedError";
}

/** A migration, and what is recorded of its text. */
export interface Step extends Migration {
  /** SHA-256 in hexadecimal digits. */
  readonly checksum: string;
}

/**
 * The names of those that were not applied yet, in order. Only reads, and needs no right but that.
 *
 * @throws {MigrationEditedError} when a recorded migration has another text now
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function pendingMigrations(
  sql: Queryable,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  return await translatingErrors(async () => {
    const [row] = await sql<{ there: boolean }[]>`
      select to_regclass('onceflow_migrations') is not null as there
    `;
    const recorded = row?.there ? await recordedChecksums(sql) : new Map<string, string>();
    return notRecorded(migrations, recorded).map(({ name }) => name);
  });
}

/**
 * Applies those that are missing, in the order given, all in one transaction. Any number of processes may start at
 * once: they queue on an advisory lock. Returns the names that this call applied. Where none is missing, nothing is locked
 * and no right to change the schema is needed. `schema` is made where it is missing; the connections of `sql` must see it alone.
 *
 * @throws {MigrationEditedError} when a recorded migration has another text now
 */
export async function migrate(
  sql: Sql,
  migrations: readonly Migration[],
  { schema }: { readonly schema?: string } = {},
): Promise<readonly string[]> {
  if ((await pendingMigrations(sql, migrations)).length === 0) return [];
  return await withTransaction(sql, async (tx) => {
    await tx`select set_config('lock_timeout', '60s', true), set_config('statement_timeout', '0', true)`;
    await tx.unsafe(oneAtATime);
    if (schema !== undefined) await tx.unsafe(makeSchema(schema));
    await tx.unsafe(recordTable);
    const applied: string[] = [];
    for (const step of notRecorded(migrations, await recordedChecksums(tx))) {
      await tx.unsafe(step.sql);
      await tx`insert into onceflow_migrations (name, checksum) values (${step.name}, ${step.checksum})`;
      applied.push(step.name);
    }
    return applied;
  });
}

/** Any number of processes may migrate a database at once. */
export const oneAtATime =
  "select pg_advisory_xact_lock(hashtextextended('onceflow migrations', 0))";

/** Makes a schema that is not there: one that is needs no right to make schemas. */
export function makeSchema(schema: string): string {
  return `do $$ begin if to_regnamespace('"${schema}"') is null then create schema "${schema}"; end if; end $$`;
}

/** Where it is noted what was applied. */
export const recordTable = `
create table if not exists onceflow_migrations (
  name text primary key,
  checksum text not null check (length(checksum) = 64),
  applied_at timestamptz not null default clock_timestamp()
)`;

/**
 * Those to apply, where these checksums are recorded by name.
 *
 * @throws {MigrationEditedError} when a recorded migration has another text now
 */
export function notRecorded(
  migrations: readonly Migration[],
  recorded: ReadonlyMap<string, string>,
): readonly Step[] {
  return stepsOf(migrations).filter(({ name, checksum }) => {
    const before = recorded.get(name);
    if (before === undefined || before === checksum) return before === undefined;
    throw new MigrationEditedError(
      `Cannot migrate: ${name} was applied with another text than this program has. ` +
        `A shipped migration must not change: restore its text and add a new migration after it`,
    );
  });
}

/** With the checksum of each. */
export function stepsOf(migrations: readonly Migration[]): readonly Step[] {
  refuseRepeatedNames(migrations);
  return migrations.map((step) => ({
    ...step,
    checksum: createHash("sha256").update(step.sql).digest("hex"),
  }));
}

async function recordedChecksums(sql: Queryable): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ name: string; checksum: string }[]>`
    select name, checksum from onceflow_migrations
  `;
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function refuseRepeatedNames(migrations: readonly Migration[]): void {
  const seen = new Set<string>();
  for (const { name } of migrations) {
    if (seen.has(name)) throw new TypeError(`Cannot migrate: the name ${name} appears twice`);
    seen.add(name);
  }
}
