/** Writes facts into the read model, one statement for each table and kind. It never commits. */
import type { ProjectionTransaction, TableNames } from "../../engine/projection/mod.ts";
import { erasedReason } from "./erased_reason.ts";
import type { DeadLetteredFact, InvoicedFact, PlacedFact } from "./view_events.ts";

// Rows go in as one JSON text and come out of `json_to_recordset`: one parameter however many rows, and decimals stay
// text until Postgres makes them numeric. They are written in the order of their keys, so that partitions that write
// the same rows at once wait for each other and never deadlock; the totals come after the orders for the same reason.

/**
 * Fills in what OrderPlaced says, and adds to the totals of the customer the orders that were not known before.
 * The row's own counter tells which those are: `placed_count` is what this call brought, or more.
 */
export async function addPlacedInTransaction(
  tx: ProjectionTransaction,
  facts: readonly PlacedFact[],
  table: TableNames,
): Promise<void> {
  if (facts.length === 0) return;
  const rows = groupByOrder(facts, (fact) => fact.order.order_id, (first, last, count) => ({
    order_id: first.order.order_id,
    user_id: first.order.user_id,
    amount: first.order.amount,
    currency: first.order.currency,
    placed_at: first.order.occurred_at,
    placed_count: count,
    placed_partition: last.partition,
    placed_offset: last.offset,
  }));
  await tx`
    with incoming as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as row (
        order_id text, user_id text, amount numeric, currency text, placed_at timestamptz,
        placed_count bigint, placed_partition int, placed_offset bigint
      )
    ), placed as (
      insert into ${tx(table("order_view"))} as view (
        order_id, user_id, amount, currency, placed_at, placed_count, placed_partition, placed_offset
      )
      select order_id, coalesce(erased.pseudonym, user_id), amount, currency, placed_at,
        placed_count, placed_partition, placed_offset
      from incoming left join erased_orders erased using (order_id) order by order_id
      on conflict (order_id) do update set
        user_id = coalesce(view.user_id, excluded.user_id),
        amount = coalesce(view.amount, excluded.amount),
        currency = coalesce(view.currency, excluded.currency),
        placed_at = coalesce(view.placed_at, excluded.placed_at),
        placed_count = view.placed_count + excluded.placed_count,
        placed_partition = excluded.placed_partition,
        placed_offset = excluded.placed_offset
      returning order_id, placed_count, view.user_id as whose
    )
    insert into ${tx(table("customer_totals"))} as totals (
      user_id, currency, orders_count, amount_total
    )
    select whose, currency, count(*), sum(amount)
    from incoming join placed using (order_id, placed_count)
    group by whose, currency order by whose, currency
    on conflict (user_id, currency) do update set
      orders_count = totals.orders_count + excluded.orders_count,
      amount_total = totals.amount_total + excluded.amount_total
  `;
}

/** Fills in the latest invoice of each order, and counts every invoice: a second one for the same order shows in both. */
export async function addInvoicedInTransaction(
  tx: ProjectionTransaction,
  facts: readonly InvoicedFact[],
  table: TableNames,
): Promise<void> {
  if (facts.length === 0) return;
  const rows = groupByOrder(
    facts,
    (fact) => fact.invoice.order_id,
    (_first, { invoice }, count) => ({
      order_id: invoice.order_id,
      invoice_id: invoice.invoice_id,
      net: invoice.net,
      tax: invoice.tax,
      gross: invoice.gross,
      tax_rate: invoice.tax_rate,
      invoiced_at: invoice.occurred_at,
      invoices_count: count,
    }),
  );
  await tx`
    insert into ${tx(table("order_view"))} as view (
      order_id, invoice_id, net, tax, gross, tax_rate, invoiced_at, invoices_count
    )
    select order_id, invoice_id, net, tax, gross, tax_rate, invoiced_at, invoices_count
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as row (
      order_id text, invoice_id text, net numeric, tax numeric, gross numeric, tax_rate numeric,
      invoiced_at timestamptz, invoices_count bigint
    )
    order by order_id
    on conflict (order_id) do update set
      invoice_id = excluded.invoice_id,
      net = excluded.net,
      tax = excluded.tax,
      gross = excluded.gross,
      tax_rate = excluded.tax_rate,
      invoiced_at = excluded.invoiced_at,
      invoices_count = view.invoices_count + excluded.invoices_count
  `;
  const bills = facts.map(({ invoice: { order_id, user_id, currency, gross } }) => ({
    order_id,
    user_id,
    currency,
    gross,
  }));
  await tx`
    insert into ${tx(table("customer_totals"))} as totals (
      user_id, currency, invoices_count, invoiced_total
    )
    select coalesce(erased.pseudonym, user_id) as whose, currency, count(*), sum(gross)
    from json_to_recordset(${JSON.stringify(bills)}::text::json) as row (
      order_id text, user_id text, currency text, gross numeric
    ) left join erased_orders erased using (order_id)
    group by whose, currency order by whose, currency
    on conflict (user_id, currency) do update set
      invoices_count = totals.invoices_count + excluded.invoices_count,
      invoiced_total = totals.invoiced_total + excluded.invoiced_total
  `;
}

/** Fills in the latest dead letter of each order. */
export async function addDeadLetteredInTransaction(
  tx: ProjectionTransaction,
  facts: readonly DeadLetteredFact[],
  table: TableNames,
): Promise<void> {
  if (facts.length === 0) return;
  const rows = groupByOrder(facts, (fact) => fact.orderId, (_first, last) => ({
    order_id: last.orderId,
    dead_letter_reason: last.reason,
    dead_letter_class: last.errorClass,
    dead_lettered_at: last.deadLetteredAt,
    dead_letter_partition: last.originalPartition,
    dead_letter_offset: last.originalOffset,
  }));
  await tx`
    insert into ${tx(table("order_view"))} (
      order_id, dead_letter_reason, dead_letter_class, dead_lettered_at, dead_letter_partition,
      dead_letter_offset
    )
    select order_id,
      case when erased.order_id is null then dead_letter_reason else ${erasedReason} end,
      dead_letter_class, dead_lettered_at, dead_letter_partition, dead_letter_offset
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as row (
      order_id text, dead_letter_reason text, dead_letter_class text,
      dead_lettered_at timestamptz, dead_letter_partition int, dead_letter_offset bigint
    ) left join erased_orders erased using (order_id)
    order by order_id
    on conflict (order_id) do update set
      dead_letter_reason = excluded.dead_letter_reason,
      dead_letter_class = excluded.dead_letter_class,
      dead_lettered_at = excluded.dead_lettered_at,
      dead_letter_partition = excluded.dead_letter_partition,
      dead_letter_offset = excluded.dead_letter_offset
  `;
}

/** One row for each order, because a statement may write a row only once. */
function groupByOrder<Fact, Row>(
  facts: readonly Fact[],
  orderOf: (fact: Fact) => string,
  toRow: (first: Fact, last: Fact, count: number) => Row,
): Row[] {
  const groups = new Map<string, { readonly first: Fact; last: Fact; count: number }>();
  for (const fact of facts) {
    const group = groups.get(orderOf(fact));
    if (group === undefined) {
      groups.set(orderOf(fact), { first: fact, last: fact, count: 1 });
    } else {
      group.last = fact;
      group.count++;
    }
  }
  return Array.from(groups.values(), ({ first, last, count }) => toRow(first, last, count));
}
