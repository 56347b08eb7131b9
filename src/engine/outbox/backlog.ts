/** Measures what is waiting in the outbox, for the metric and for readiness. */
import type { Queryable } from "../postgres/database.ts";
import type { Hold } from "./holds.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/** Rows after a cursor that are committed but not handed on. */
export interface Backlog {
  /** Counted up to `countMax`, which then means "that many or more". */
  readonly rows: number;
  /** How long the oldest of them has waited; 0 where there is none. */
  readonly ageMs: number;
}

/**
 * The backlog of a shard. Bounded, because counting a million rows once a second would be a load of its own.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function readBacklog(
  sql: Queryable,
  { shard, after, countMax = 10_000 }: {
    readonly shard: number;
    readonly after: number;
    readonly countMax?: number;
  },
): Promise<Backlog> {
  const [row] = await translatingErrors(() =>
    sql<{ rows: number; ageMs: number }[]>`
      select count(*) as rows,
        coalesce(extract(epoch from clock_timestamp() - min(created_at)) * 1000, 0)::float8 as "ageMs"
      from (
        select created_at from outbox
        where shard = ${shard} and position > ${after}
        order by position
        limit ${countMax}
      ) as waiting
    `
  );
  return row ?? { rows: 0, ageMs: 0 };
}

/**
 * How long the oldest row that is held back has waited, milliseconds; 0 where none is. Looks at the hold that was begun
 * first, from its first row on.
 */
export async function readHeldAge(
  sql: Queryable,
  { shard, upTo, holds }: {
    readonly shard: number;
    readonly upTo: number;
    readonly holds: readonly Hold[];
  },
): Promise<number> {
  const [first] = [...holds].sort((a, b) => a.after - b.after);
  if (!first) return 0;
  const { topic, key = null, after } = first;
  const [row] = await translatingErrors(() =>
    sql<{ ageMs: number }[]>`
      select (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 as "ageMs"
      from outbox
      where shard = ${shard} and position > ${after} and position <= ${upTo} and topic = ${topic}
        and (${key}::text is null or key = ${key}::text)
      order by position
      limit 1
    `
  );
  return row?.ageMs ?? 0;
}
