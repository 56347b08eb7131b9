/** Counts orders by what has become of them. Every figure is exact; none comes from the planner's statistics. */
import type { Sql } from "../../engine/postgres/database.ts";
import { boundedRead } from "./bounded_read.ts";
import type { Counts, CustomerRow } from "./dashboard_data.ts";

const customersMax = 8;

/** The counts, and how long Postgres worked on them, milliseconds: on a busy machine the answer may arrive much later. */
export interface CountsRead {
  readonly counts: Counts;
  readonly costMs: number;
}

/** One pass over `orders` and one over `order_view`. Throws as {@linkcode boundedRead} does. */
export function readCounts(sql: Sql): Promise<CountsRead> {
  return boundedRead(sql, async (tx) => {
    const [row] = await tx<(Counts & { cost_ms: number })[]>`
      select
        (select count(*) from orders) as placed,
        count(*) filter (where user_id is not null) as published,
        count(*) filter (where user_id is not null and status = 'invoiced') as invoiced,
        count(*) filter (where user_id is not null and status = 'dead-lettered') as dead_lettered,
        count(*) filter (where user_id is not null and status = 'placed') as pending,
        (extract(epoch from clock_timestamp() - statement_timestamp()) * 1000)::float8 as cost_ms
      from order_view
    `;
    if (row === undefined) throw new Error("the count returned no row");
    const { cost_ms: costMs, ...counts } = row;
    return { counts, costMs };
  });
}

/** The customers with most orders: sums in different currencies do not compare. Throws as {@linkcode boundedRead} does. */
export function readCustomers(sql: Sql): Promise<readonly CustomerRow[]> {
  return boundedRead(sql, async (tx) => {
    const rows = await tx<CustomerRow[]>`
      select user_id, currency, orders_count, invoices_count, amount_total, invoiced_total
      from customer_totals
      order by orders_count desc, user_id, currency
      limit ${customersMax}
    `;
    return [...rows];
  });
}
