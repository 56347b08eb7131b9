/** Forgets idempotency keys that nobody will send again. Never touches the orders they stand for. */
import type { Queryable } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

/**
 * Deletes keys that are older than that, oldest first and at most `limit`; returns how many. Call it again while it
 * returns `limit`. A request that comes with a forgotten key is a new request: keep keys for longer than any client
 * retries, a day at the least.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function deleteIdempotencyKeys(
  sql: Queryable,
  { olderThanHours, limit }: { readonly olderThanHours: number; readonly limit: number },
): Promise<number> {
  const deleted = await translatingErrors(() =>
    sql`
      delete from idempotency_keys where key in (
        select key from idempotency_keys
        where created_at < clock_timestamp() - make_interval(secs => ${olderThanHours * 3600})
        order by created_at
        limit ${limit}
      )
    `
  );
  return deleted.count;
}
