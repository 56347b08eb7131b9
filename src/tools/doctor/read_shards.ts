/** What Postgres knows of one shard of the outbox, for a cursor that Kafka keeps. Only reads. */
import type { CommittedOffset } from "../../engine/core/ports.ts";
import { readBacklog } from "../../engine/outbox/backlog.ts";
import { checkCursor, type CursorPlace } from "../../engine/outbox/relay_cursor.ts";
import type { Queryable } from "../../engine/postgres/sql.ts";
import type { ShardFacts } from "./judge_outbox.ts";

/** @throws {HaltError} as the relay does, where the cursor is not of this database */
export async function readShardFacts(
  sql: Queryable,
  place: CursorPlace,
  cursor: CommittedOffset,
): Promise<ShardFacts> {
  const { shard } = place;
  const { after, holds } = await checkCursor(sql, place, cursor);
  const backlog = await readBacklog(sql, { shard, after });
  const [lead] = await sql<{ name: string }[]>`
    select name from outbox_leads where shard = ${shard} and held_until > clock_timestamp()
  `;
  return { shard, after, backlog, holds: holds.length, ...(lead && { leader: lead.name }) };
}
