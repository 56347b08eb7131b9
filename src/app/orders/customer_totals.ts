/** Reads a customer's totals from the read model. They follow the orders; they are never computed here. */
import type { Queryable } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

/** What a customer ordered and was invoiced in one currency. Amounts are decimal text. */
export interface CustomerTotal {
  readonly currency: string;
  readonly orders_count: number;
  readonly invoices_count: number;
  /** Net sum of the orders. */
  readonly amount_total: string;
  /** Gross sum of the invoices. */
  readonly invoiced_total: string;
}

/**
 * One total for each currency, in the order of the currencies; none for a customer who has no projected order.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function readCustomerTotals(
  sql: Queryable,
  userId: string,
): Promise<readonly CustomerTotal[]> {
  const rows = await translatingErrors(() =>
    sql<CustomerTotal[]>`
      select currency, orders_count, invoices_count, amount_total, invoiced_total
      from customer_totals
      where user_id = ${userId}
      order by currency
    `
  );
  return [...rows];
}
