/** Asks whether the outbox's sequence was set back below what is published, for readiness. Never sets it. */
import type { Queryable } from "../postgres/database.ts";
import { setForward } from "./refused_append.ts";

/** What stands in the way of new events, and the remedy; undefined where nothing does. */
export async function whyNoPositions(sql: Queryable): Promise<string | undefined> {
  const [row] = await sql<{ last: number; published: number }[]>`
    select case when s.is_called then s.last_value else 0 end as last, r.position as published
    from outbox_position s, (select max(position) as position from outbox_relayed) r
    where case when s.is_called then s.last_value else 0 end < r.position
  `;
  if (row === undefined) return undefined;
  return `No order is taken: the sequence outbox_position stands at ${row.last}, and all up to ${row.published} was ` +
    `published. ${setForward}`;
}
