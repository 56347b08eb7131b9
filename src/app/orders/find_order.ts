/** Reads one order with what became of it. Never waits for the read model: what was placed is found at once. */
import type { Queryable } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

/** An order and what became of it, as the API shows it. Decimals are text; times are ISO 8601 in UTC. */
export interface OrderState {
  readonly order_id: string;
  readonly user_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: "placed" | "invoiced" | "dead-lettered";
  readonly placed_at: string;
  readonly invoice: null | {
    readonly invoice_id: string;
    readonly net: string;
    readonly tax: string;
    readonly gross: string;
    readonly tax_rate: string;
    readonly invoiced_at: string;
  };
  readonly dead_letter: null | {
    readonly reason: string;
    readonly dead_lettered_at: string;
  };
}

/** The row behind an {@linkcode OrderState}; {@linkcode orderStateColumns} selects it. */
export interface OrderStateRow {
  readonly order_id: string;
  readonly user_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: OrderState["status"];
  readonly placed_at: Date;
  readonly invoice_id: string | null;
  readonly net: string | null;
  readonly tax: string | null;
  readonly gross: string | null;
  readonly tax_rate: string | null;
  readonly invoiced_at: Date | null;
  readonly dead_letter_reason: string | null;
  readonly dead_lettered_at: Date | null;
}

/**
 * The order of that id. An order that some other producer put on the topic has no row in `orders`, only one in the
 * read model; it is found too.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function findOrder(sql: Queryable, orderId: string): Promise<OrderState | undefined> {
  const [row] = await translatingErrors(() =>
    sql<OrderStateRow[]>`
      select ${orderStateColumns(sql)}
      from (select ${orderId}::text as id) as asked
      left join orders o on o.order_id = asked.id
      left join order_view v on v.order_id = asked.id
      where coalesce(o.placed_at, v.placed_at) is not null
    `
  );
  return row && orderState(row);
}

/** The columns of an {@linkcode OrderStateRow}, from `orders o` and `order_view v`. */
export function orderStateColumns(sql: Queryable) {
  return sql`
    coalesce(o.order_id, v.order_id) as order_id, coalesce(o.user_id, v.user_id) as user_id,
    coalesce(o.amount, v.amount) as amount, coalesce(o.currency, v.currency) as currency,
    coalesce(v.status, 'placed') as status, coalesce(o.placed_at, v.placed_at) as placed_at,
    v.invoice_id, v.net, v.tax, v.gross, v.tax_rate, v.invoiced_at,
    v.dead_letter_reason, v.dead_lettered_at
  `;
}

/** The row as the API shows it. */
export function orderState(row: OrderStateRow): OrderState {
  const { invoice_id, net, tax, gross, tax_rate, invoiced_at } = row;
  const invoiced = invoice_id !== null && net !== null && tax !== null && gross !== null &&
    tax_rate !== null && invoiced_at !== null;
  return {
    order_id: row.order_id,
    user_id: row.user_id,
    amount: row.amount,
    currency: row.currency,
    status: row.status,
    placed_at: row.placed_at.toISOString(),
    invoice: invoiced
      ? { invoice_id, net, tax, gross, tax_rate, invoiced_at: invoiced_at.toISOString() }
      : null,
    dead_letter: row.status !== "dead-lettered" || row.dead_lettered_at === null ? null : {
      reason: row.dead_letter_reason ?? "",
      dead_lettered_at: row.dead_lettered_at.toISOString(),
    },
  };
}
