/** The piece of a query that finds the orders that were placed last: `o` is the order, `v` its row of the read model. */
import type { Sql } from "../../engine/postgres/database.ts";

/**
 * `from` to `limit`, newest first, by the outbox's own order. They are taken from the end of its primary key, so that this
 * costs the same however many orders there are; rows that retention has cleared away are not among them.
 */
export function lastPlaced(sql: Sql, shards: number, ordersMax: number) {
  return sql`
    from generate_series(0, ${shards - 1}::int) as shards (shard)
    cross join lateral (
      select position, key, event_id from outbox
      where outbox.shard = shards.shard
      order by position desc limit ${ordersMax}
    ) as tail
    join orders o on o.order_id = tail.key and o.event_id = tail.event_id
    left join order_view v on v.order_id = o.order_id
    order by tail.position desc limit ${ordersMax}
  `;
}
