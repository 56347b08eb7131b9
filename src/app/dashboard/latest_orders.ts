/** Reads the orders that were placed last, by the outbox's own order. */
import {
  type OrderState,
  orderState,
  orderStateColumns,
  type OrderStateRow,
} from "../orders/find_order.ts";
import type { Sql } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import { lastPlaced } from "./last_placed.ts";

const ordersMax = 12;

/**
 * The last dozen, newest first; rows that retention has cleared away are not listed.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function readLatestOrders(sql: Sql, shards: number): Promise<readonly OrderState[]> {
  const rows = await translatingErrors(() =>
    sql<OrderStateRow[]>`
      select ${orderStateColumns(sql)}
      ${lastPlaced(sql, shards, ordersMax)}
    `
  );
  return rows.map(orderState);
}
