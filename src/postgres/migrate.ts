/** Applies each room's migrations, once each and in order. Never changes one that was shipped. */
import type { Sql, Tx } from "./sql.ts";
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

/**
 * Applies those that are missing, in the order given, all in one transaction. Any number of processes may start at
 * once: they queue on an advisory lock. Returns the names that this call applied.
 *
 * @throws {MigrationEditedError} when a recorded migration has another text now
 */
export async function migrate(
  sql: Sql,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  refuseRepeatedNames(migrations);
  const steps = await Promise.all(
    migrations.map(async (step) => ({ ...step, checksum: await sha256(step.sql) })),
  );
  return await withTransaction(sql, async (tx) => {
    await tx`select set_config('lock_timeout', '60s', true), set_config('statement_timeout', '0', true)`;
    await tx`select pg_advisory_xact_lock(hashtextextended('onceflow migrations', 0))`;
    await tx`
      create table if not exists onceflow_migrations (
        name text primary key,
        checksum text not null check (length(checksum) = 64),
        applied_at timestamptz not null default clock_timestamp()
      )
    `;
    const recorded = await recordedChecksums(tx);
    const applied: string[] = [];
    for (const step of steps) {
      const checksum = recorded.get(step.name);
      if (checksum !== undefined && checksum !== step.checksum) {
        throw new MigrationEditedError(
          `Cannot migrate: ${step.name} was applied with another text than this program has. ` +
            `A shipped migration must not change: restore its text and add a new migration after it`,
        );
      }
      if (checksum !== undefined) continue;
      await tx.unsafe(step.sql);
      await tx`insert into onceflow_migrations (name, checksum) values (${step.name}, ${step.checksum})`;
      applied.push(step.name);
    }
    return applied;
  });
}

async function recordedChecksums(tx: Tx): Promise<ReadonlyMap<string, string>> {
  const rows = await tx<{ name: string; checksum: string }[]>`
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

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
