/** Figures of the read model that must agree with each other. It reads whole tables, so it is for status, not for requests. */
import type {
  ProjectionCheck,
  ProjectionQueries,
  TableNames,
} from "../../engine/projection/mod.ts";

/**
 * The counts and sums of {@linkcode orderView} beside those of {@linkcode customerTotals}. All are read in one
 * statement, so from one snapshot: they agree while the projector runs, too.
 */
export async function orderViewChecks(
  sql: ProjectionQueries,
  table: TableNames,
): Promise<readonly ProjectionCheck[]> {
  const [row] = await sql`
    select
      (select count(*) from ${sql(table("order_view"))} where user_id is not null)::text
        as orders_shown,
      (select coalesce(sum(orders_count), 0) from ${sql(table("customer_totals"))})::text
        as orders_totalled,
      (select coalesce(sum(amount), 0) from ${sql(table("order_view"))})::text as amount_shown,
      (select coalesce(sum(amount_total), 0) from ${sql(table("customer_totals"))})::text
        as amount_totalled,
      (select coalesce(sum(invoices_count), 0) from ${sql(table("order_view"))})::text
        as invoices_shown,
      (select coalesce(sum(invoices_count), 0) from ${sql(table("customer_totals"))})::text
        as invoices_totalled,
      (select count(*) from ${sql(table("order_view"))} where invoices_count > 0)::text
        as orders_invoiced
  `;
  return [
    { name: "orders", left: `${row?.orders_shown}`, right: `${row?.orders_totalled}` },
    { name: "amount of orders", left: `${row?.amount_shown}`, right: `${row?.amount_totalled}` },
    { name: "invoices", left: `${row?.invoices_shown}`, right: `${row?.invoices_totalled}` },
    {
      name: "invoices, one an order",
      left: `${row?.invoices_shown}`,
      right: `${row?.orders_invoiced}`,
    },
  ];
}
