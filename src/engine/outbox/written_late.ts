/** Rows below the relay's cursor that were written after it had passed: their sequence was set back. Only looks. */
import type { Queryable } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/** Where they can be. Behind the position that Postgres has noted as published; none is taken at or below it. */
export interface Unnoted {
  readonly shard: number;
  readonly after: number;
  /** The position of the cursor's row. */
  readonly below: number;
  /** What was written before that was published is of a lower one; undefined where it is not known. */
  readonly xid: string | undefined;
}

/** The first of them. */
export async function findWrittenLate(
  sql: Queryable,
  { shard, after, below, xid }: Unnoted,
): Promise<{ readonly position: number; readonly eventId: string } | undefined> {
  if (xid === undefined) return undefined;
  const [row] = await translatingErrors(() =>
    sql<{ position: number; eventId: string }[]>`
      select position, event_id as "eventId" from outbox
      where shard = ${shard} and position > ${after} and position < ${below}
        and xid >= ${xid}::text::xid8
      order by position
      limit 1
    `
  );
  return row;
}

/**
 * The statements that give new positions to them, and to what was written behind them, in their order. An xid is taken before
 * the positions, as `outbox_append` does, so that the barrier holds; nobody appends meanwhile.
 */
export function moveBehind({ shard, after, xid }: Unnoted): string {
  const late = `shard = ${shard} and position > ${after} and xid >= '${xid}'::xid8`;
  return `begin; lock table outbox in exclusive mode; select pg_current_xact_id(); ` +
    `select setval('outbox_position', greatest((select last_value from outbox_position), ` +
    `(select max(position) from outbox), (select max(position) from outbox_relayed))); ` +
    `with late as materialized (select event_id, nextval('outbox_position') as moved from ` +
    `(select event_id from outbox where ${late} order by position) as in_order) ` +
    `update outbox set position = moved from late where outbox.event_id = late.event_id; commit;`;
}
