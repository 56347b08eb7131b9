/** Looks up single rows of the outbox, for the restore check and for `explain`. */
import { outboxColumns } from "./outbox_row.ts";
import type { Queryable } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import type { OutboxRow } from "./outbox_row.ts";

/**
 * The row at a position, or undefined where there is none (never committed, rolled back, deleted, or the database was
 * restored to before it).
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function rowAt(
  sql: Queryable,
  shard: number,
  position: number,
): Promise<OutboxRow | undefined> {
  const [row] = await translatingErrors(() =>
    sql<OutboxRow[]>`
      select ${outboxColumns(sql)} from outbox where shard = ${shard} and position = ${position}
    `
  );
  return row;
}

/** The rows of one key that are still kept, in order of position. */
export async function rowsOfKey(
  sql: Queryable,
  shard: number,
  key: string,
  limit: number,
): Promise<readonly OutboxRow[]> {
  return await translatingErrors(() =>
    sql<OutboxRow[]>`
      select ${outboxColumns(sql)} from outbox
      where shard = ${shard} and key = ${key}
      order by position
      limit ${limit}
    `
  );
}

/** Rows of one topic, and of one key where it is given, between two positions of a shard. */
export interface RowsRange {
  readonly shard: number;
  readonly topic: string;
  readonly key?: string;
  readonly after: number;
  readonly upTo: number;
  readonly limit: number;
}

/** Those rows, in order of position. */
export async function rowsBetween(
  sql: Queryable,
  { shard, topic, key, after, upTo, limit }: RowsRange,
): Promise<readonly OutboxRow[]> {
  return await translatingErrors(() =>
    sql<OutboxRow[]>`
      select ${outboxColumns(sql)} from outbox
      where shard = ${shard} and position > ${after} and position <= ${upTo} and topic = ${topic}
        and (${key ?? null}::text is null or key = ${key ?? null})
      order by position
      limit ${limit}
    `
  );
}
