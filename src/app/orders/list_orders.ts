/** Lists a customer's orders, newest first, page by page. Owns the form of the cursor. */
import { z } from "zod";
import type { Queryable } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import {
  type OrderState,
  orderState,
  orderStateColumns,
  type OrderStateRow,
} from "./find_order.ts";

/** Where a page ended: the last order on it. */
export interface OrdersCursor {
  readonly placedAt: string;
  readonly orderId: string;
}

/** A page of orders, and where the next one starts, if there is one. */
export interface OrdersPage {
  readonly orders: readonly OrderState[];
  readonly next: OrdersCursor | undefined;
}

/**
 * One page. Keyset pagination: a page costs the same wherever it lies, and orders that are placed meanwhile neither
 * shift it nor appear twice.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function listOrders(
  sql: Queryable,
  query: { readonly userId: string; readonly after?: OrdersCursor; readonly limit: number },
): Promise<OrdersPage> {
  const { userId, after, limit } = query;
  const rows = await translatingErrors(() =>
    sql<OrderStateRow[]>`
      select ${orderStateColumns(sql)}
      from orders o left join order_view v on v.order_id = o.order_id
      where o.user_id = ${userId}
        ${
      after === undefined
        ? sql``
        : sql`and (o.placed_at, o.order_id) < (${after.placedAt}::timestamptz, ${after.orderId})`
    }
      order by o.placed_at desc, o.order_id desc
      limit ${limit + 1}
    `
  );
  const orders = rows.slice(0, limit).map(orderState);
  const last = orders.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { orders, next: more ? { placedAt: last.placed_at, orderId: last.order_id } : undefined };
}

/** Postgres has no year 0. */
const placedAt = z.iso.datetime().refine((time) => !time.startsWith("0000"));
const cursorFields = z.tuple([placedAt, z.string().min(1).max(256)]);

/** The cursor as clients carry it. They must not look into it. */
export function formatCursor({ placedAt, orderId }: OrdersCursor): string {
  const bytes = new TextEncoder().encode(JSON.stringify([placedAt, orderId]));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The cursor in a text, or undefined where the text is none of ours. */
export function parseCursor(text: string): OrdersCursor | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const fields = cursorFields.safeParse(JSON.parse(json));
    if (!fields.success || fields.data[1].includes("\0")) return undefined;
    return { placedAt: fields.data[0], orderId: fields.data[1] };
  } catch {
    return undefined; // Not base64url, not UTF-8 or not JSON: the same to whoever sent it.
  }
}
