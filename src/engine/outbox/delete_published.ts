/** Forgets rows that are on Kafka for good. Never touches one at or above the committed cursor. */
import type { Queryable } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/** What may be deleted, and how much of it is looked at. */
export interface Retention {
  readonly shard: number;
  /** The position to look from: below it nothing is left. */
  readonly from: number;
  /**
   * The position of the last row that the **committed** cursor names (committed offset − 1). That row stays: on start
   * the relay compares it with the cursor's metadata to find out whether the database was restored.
   */
  readonly cursor: number;
  readonly olderThanHours: number;
  /**
   * At most so many rows are looked at, and so deleted, in one statement: a long delete would hold the horizon back, and a
   * look for old ones among all that are young would read the whole table.
   */
  readonly limit: number;
}

/** What came of it. */
export interface Deleted {
  readonly looked: number;
  readonly deleted: number;
  /** Where the next look starts. */
  readonly next: number;
}

/**
 * Looks at the first rows from a position on and deletes those of them that are old enough.
 *
 * A row whose time lies further ahead than that was written before the server's clock was set back: it would keep everything
 * behind it, and is deleted.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function deletePublishedBelow(sql: Queryable, retention: Retention): Promise<Deleted> {
  const { shard, from, cursor, olderThanHours, limit } = retention;
  const [row] = await translatingErrors(() =>
    sql<{ looked: number; deleted: number; kept: number | null; last: number | null }[]>`
      with looked as materialized (
        select position, ctid as place,
          abs(extract(epoch from clock_timestamp() - created_at)) > ${
      olderThanHours * 3600
    }::float8 as old
        from outbox
        where shard = ${shard} and position >= ${from} and position < ${cursor}
        order by position
        limit ${limit}
      ), deleted as (
        -- By place: a join might be planned as a read of the whole table.
        delete from outbox
        where ctid = any(array(select place from looked where old)) and shard = ${shard}
          and position < ${cursor}
        returning 1
      )
      select count(*) as looked, (select count(*) from deleted) as deleted,
        min(position) filter (where not old) as kept, max(position) as last
      from looked
    `
  );
  const { looked = 0, deleted = 0, kept = null, last = null } = row ?? {};
  return { looked, deleted, next: kept ?? (last === null ? from : last + 1) };
}
