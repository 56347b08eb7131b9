/** Reads the orders that were placed last, by the outbox's own order. */
import {
  type OrderState,
  orderState,
  orderStateColumns,
  type OrderStateRow,
} from "../orders/find_order.ts";
import type { Sql } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

const ordersMax = 12;

/**
 * The last dozen, newest first. They are taken from the end of the outbox's primary key, so that this costs the same
 * however many orders there are; rows that retention has cleared away are not listed.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function readLatestOrders(sql: Sql, shards: number): Promise<readonly OrderState[]> {
  const rows = await translatingErrors(() =>
    sql<OrderStateRow[]>`
      select ${orderStateColumns(sql)}
      from generate_series(0, ${shards - 1}::int) as shards (shard)
      cross join lateral (
        select position, key, event_id from outbox
        where outbox.shard = shards.shard
        order by position desc limit ${ordersMax}
      ) as tail
      join orders o on o.order_id = tail.key and o.event_id = tail.event_id
      left join order_view v on v.order_id = o.order_id
      order by tail.position desc limit ${ordersMax}
    `
  );
  return rows.map(orderState);
}
