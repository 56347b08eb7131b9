/** Where a customer's name stands in Postgres. Reads whole tables, and changes nothing: it is for a person who asks, not for requests. */
import type { Queryable } from "../../engine/postgres/sql.ts";
import { viewCopies } from "./view_copies.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

/** Rows that name the customer. */
export interface CustomerRows {
  readonly orders: number;
  /** Events that the relay has not deleted yet. */
  readonly outbox: number;
  /** The newest of those, ISO 8601. */
  readonly outboxNewest: string | null;
  /** Answers that are kept for repeated requests. */
  readonly idempotencyKeys: number;
  readonly idempotencyNewest: string | null;
  readonly orderView: number;
  readonly customerTotals: number;
  /** Of the read model's tables that a rebuild folds into, or has replaced and kept. */
  readonly viewCopies: number;
  /** Rows about what operators did whose arguments hold the name. Nobody may change these. */
  readonly auditLog: number;
}

/** @throws {DependencyDownError} when Postgres cannot be reached */
export async function findCustomerRows(
  sql: Queryable,
  userId: string,
  { ordersTopic, projection }: { readonly ordersTopic: string; readonly projection: string },
): Promise<CustomerRows> {
  // As `encodeOrderPlaced` writes it: an event is not parsed, since rows of the outbox may be of anything.
  const field = `"user_id":${JSON.stringify(userId)}`;
  const [row] = await translatingErrors(() =>
    sql<Row[]>`
      select
        (select count(*)::int from orders where user_id = ${userId}) as orders,
        o.rows as outbox, o.newest as outbox_newest, i.rows as keys, i.newest as keys_newest,
        (select count(*)::int from order_view where user_id = ${userId}) as view,
        (select count(*)::int from customer_totals where user_id = ${userId}) as totals,
        (select count(*)::int from audit_log
          where position(${userId}::text in detail::text) > 0 or position(${userId}::text in target) > 0) as audit
      from
        (select count(*)::int as rows, max(created_at) as newest from outbox
          where topic = ${ordersTopic} and position(convert_to(${field}::text, 'UTF8') in value) > 0) as o,
        (select count(*)::int as rows, max(created_at) as newest from idempotency_keys
          where response::jsonb ->> 'user_id' = ${userId}) as i
    `
  );
  let copies = 0;
  for (const schema of await translatingErrors(() => viewCopies(sql, projection))) {
    const [copy] = await translatingErrors(() =>
      sql<{ rows: number }[]>`
        select (select count(*)::int from ${sql(`${schema}.order_view`)} where user_id = ${userId})
          + (select count(*)::int from ${
        sql(`${schema}.customer_totals`)
      } where user_id = ${userId}) as rows
      `
    );
    copies += copy?.rows ?? 0;
  }
  return {
    orders: row?.orders ?? 0,
    outbox: row?.outbox ?? 0,
    outboxNewest: row?.outbox_newest?.toISOString() ?? null,
    idempotencyKeys: row?.keys ?? 0,
    idempotencyNewest: row?.keys_newest?.toISOString() ?? null,
    orderView: row?.view ?? 0,
    customerTotals: row?.totals ?? 0,
    viewCopies: copies,
    auditLog: row?.audit ?? 0,
  };
}

interface Row {
  readonly orders: number;
  readonly outbox: number;
  readonly outbox_newest: Date | null;
  readonly keys: number;
  readonly keys_newest: Date | null;
  readonly view: number;
  readonly totals: number;
  readonly audit: number;
}
