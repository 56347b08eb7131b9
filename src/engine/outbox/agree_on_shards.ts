/** Makes every process use the same number of shards. Never changes the number: that needs a drained outbox. */
import { HaltError } from "../core/errors.ts";
import { inSchema } from "../postgres/schema_name.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import type { Outbox } from "./outbox.ts";
import type { PostgresQueries } from "./postgres_driver.ts";

/**
 * Records the number on first use and refuses another one later. With two numbers at once a key would be in two
 * shards, whose relays know nothing of each other: its order would be lost.
 *
 * @throws {HaltError} when the outbox was filled with another number
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function agreeOnShards(
  sql: PostgresQueries,
  shards: number,
  { schema }: Pick<Outbox, "schema"> = {},
): Promise<void> {
  const table = `${inSchema(schema)}outbox_settings`;
  const [row] = await translatingErrors(async () => {
    await sql.unsafe(noteShards(table, shards));
    return await sql.unsafe(`select shards from ${table}`);
  });
  if (row === undefined || Number(row.shards) === shards) return;
  throw new HaltError(
    `Cannot use OUTBOX_SHARDS=${shards}: this outbox was filled with ${row.shards}. Set it back; or stop every ` +
      `writer, let the relay publish all rows, and run: update ${table} set shards = ${shards}`,
  );
}

/** The statement that records the number, where none is recorded yet. */
export function noteShards(table: string, shards: number): string {
  return `insert into ${table} (shards) values (${shards}) on conflict do nothing`;
}
