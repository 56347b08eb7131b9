/** Forgets rows that are on Kafka for good. Never touches one at or above the committed cursor. */
import type { Queryable } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/** What may be deleted. */
export interface Retention {
  readonly shard: number;
  /**
   * The position of the last row that the **committed** cursor names (committed offset − 1). That row stays: on start
   * the relay compares it with the cursor's metadata to find out whether the database was restored.
   */
  readonly cursor: number;
  readonly olderThanHours: number;
  /** At most so many in one statement: a long delete would hold the horizon back. */
  readonly limit: number;
}

/**
 * Deletes rows below the cursor's own that are older than that, oldest first; returns how many. Call it again while it
 * returns `limit`.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function deletePublishedBelow(sql: Queryable, retention: Retention): Promise<number> {
  const { shard, cursor, olderThanHours, limit } = retention;
  const deleted = await translatingErrors(() =>
    sql`
      delete from outbox
      where shard = ${shard} and position in (
        select position from outbox
        where shard = ${shard} and position < ${cursor}
          and created_at < clock_timestamp() - make_interval(secs => ${olderThanHours * 3600})
        order by position
        limit ${limit}
      )
    `
  );
  return deleted.count;
}
