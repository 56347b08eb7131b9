/** Makes every process use the same number of shards. Never changes the number: that needs a drained outbox. */
import { HaltError } from "../core/errors.ts";
import type { Queryable } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/**
 * Records the number on first use and refuses another one later. With two numbers at once a key would be in two
 * shards, whose relays know nothing of each other: its order would be lost.
 *
 * @throws {HaltError} when the outbox was filled with another number
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function agreeOnShards(sql: Queryable, shards: number): Promise<void> {
  const [row] = await translatingErrors(async () => {
    await sql`insert into outbox_settings (shards) values (${shards}) on conflict do nothing`;
    return await sql<{ shards: number }[]>`select shards from outbox_settings`;
  });
  if (row === undefined || row.shards === shards) return;
  throw new HaltError(
    `Cannot use OUTBOX_SHARDS=${shards}: this outbox was filled with ${row.shards}. Set it back; or stop every ` +
      `writer, let the relay publish all rows, and run: update outbox_settings set shards = ${shards}`,
  );
}
