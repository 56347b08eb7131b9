/**
 * Folds the log into the read model a second time, by other code than the projector's, and notes where the two differ.
 * It folds exactly the records below the positions that stood in the same snapshot as the read model.
 */
import { addDecimals } from "./decimals.ts";
import type { Rule } from "./finding.ts";
import type { Spill, SpillRow } from "./spill.ts";

/** Makes `folded` (one line an order) and `folded_total` (one a customer and currency). */
export function foldLog(spill: Spill): void {
  for (const statement of foldOrders) spill.run(statement);
  foldTotals(spill);
}

/** Records that the projection has folded: committed, readable, below its position. */
const folded = (table: string, place: number) => `
  ${table} t join projected p on p.partition = t.partition
    and p.topic = (select topic from role where place = ${place})
  where t.state = 'committed' and t.well_formed and t.offset < p.next_offset`;

/** Whose it is in the read model: of an erased order nobody's. */
function customerOf(row: string): string {
  return `coalesce((select e.pseudonym from erased e where e.order_id = ${row}.order_id and not e.late), ${row}.user_id)`;
}

// A bare column beside a lone min() or max() comes from the row that holds it: SQLite's documented rule.
const foldOrders = [
  `create table fold_placed as
    select t.order_id, ${
    customerOf("t")
  } as user_id, t.amount, t.currency, t.occurred_at, t.timestamp, min(t.offset) as first_offset
    from ${folded("published", 0)} group by t.order_id`,
  `create unique index fold_placed_order on fold_placed (order_id)`,
  `create table fold_last as
    select t.order_id, t.partition, max(t.offset) as offset, count(*) as placed_count
    from ${folded("published", 0)} group by t.order_id`,
  `create unique index fold_last_order on fold_last (order_id)`,
  `create table fold_invoiced as
    select t.order_id, t.invoice_id, t.net, t.tax, t.gross, t.tax_rate, t.occurred_at, max(t.offset) as last_offset,
      count(*) as invoices_count
    from ${folded("invoiced", 1)} group by t.order_id`,
  `create unique index fold_invoiced_order on fold_invoiced (order_id)`,
  `create table fold_dead as
    select t.order_id, case when exists (select 1 from erased e where e.order_id = t.order_id and not e.late)
        then '(erased)' else coalesce(t.error, 'unknown') end as reason, coalesce(t.error_class, 'unknown') as class,
      t.timestamp as dead_lettered_at, t.from_partition, t.from_offset, max(t.offset) as last_offset
    from ${
    folded("dead", 2)
  } and t.from_partition is not null and t.from_offset is not null group by t.order_id`,
  `create unique index fold_dead_order on fold_dead (order_id)`,
  `create table folded as
    select o.order_id, p.user_id, p.amount, p.currency, p.occurred_at as placed_at, p.timestamp,
      coalesce(l.placed_count, 0) as placed_count, i.invoice_id, i.net, i.tax, i.gross, i.tax_rate,
      i.occurred_at as invoiced_at, coalesce(i.invoices_count, 0) as invoices_count, d.reason as dead_letter_reason,
      d.class as dead_letter_class, d.dead_lettered_at,
      case when i.order_id is not null then 'invoiced'
        when d.order_id is null or (l.partition = d.from_partition and l.offset > d.from_offset) then 'placed'
        else 'dead-lettered' end as status
    from (select order_id from fold_placed union select order_id from fold_invoiced union select order_id from fold_dead) o
    left join fold_placed p on p.order_id = o.order_id left join fold_last l on l.order_id = o.order_id
    left join fold_invoiced i on i.order_id = o.order_id left join fold_dead d on d.order_id = o.order_id`,
  `create unique index folded_order on folded (order_id)`,
  `create table folded_total (
    user_id text, currency text, orders_count int, invoices_count int, amount_total text, invoiced_total text,
    primary key (user_id, currency)) without rowid`,
];

/** Sums are exact decimals, which SQLite has none of: one pass in order of the customer, one customer in memory. */
function foldTotals(spill: Spill): void {
  const insert = spill.inserter("insert into folded_total values (?, ?, ?, ?, ?, ?)");
  const facts = spill.each(`
    select user_id, currency, amount, null as gross from fold_placed
    union all
    select ${customerOf("t")}, t.currency, null, t.gross from ${folded("invoiced", 1)}
    order by 1, 2`);
  let user: SpillRow | undefined;
  let [orders, invoices, amount, invoiced] = [0, 0, "0", "0"];
  const close = () => {
    if (user === undefined) return;
    insert(String(user.user_id), String(user.currency), orders, invoices, amount, invoiced);
    [orders, invoices, amount, invoiced] = [0, 0, "0", "0"];
  };
  for (const fact of facts) {
    if (user?.user_id !== fact.user_id || user?.currency !== fact.currency) close();
    user = fact;
    if (fact.gross === null) {
      orders++;
      amount = addDecimals(amount, String(fact.amount));
    } else {
      invoices++;
      invoiced = addDecimals(invoiced, String(fact.gross));
    }
  }
  close();
}

const orderColumns = [
  ...[
    "user_id",
    "amount",
    "currency",
    "placed_at",
    "placed_count",
    "status",
    "invoice_id",
    "net",
    "tax",
  ],
  ...[
    "gross",
    "tax_rate",
    "invoiced_at",
    "invoices_count",
    "dead_letter_reason",
    "dead_letter_class",
  ],
  "dead_lettered_at",
];
const totalColumns = ["orders_count", "invoices_count", "amount_total", "invoiced_total"];

/** `column: shown, folded` of the first column that differs. */
const firstDifference = (columns: readonly string[]) =>
  `case ${
    columns.map((column) =>
      `when v.${column} is not f.${column} then '${column} is ' || coalesce(v.${column}, 'null') || ', the log says '
        || coalesce(f.${column}, 'null')`
    ).join(" ")
  } end`;
const anyDifference = (columns: readonly string[]) =>
  columns.map((column) => `v.${column} is not f.${column}`).join(" or ");

/** Under retention, only orders that are younger than every cut can be folded from their first event on. */
const whole =
  `(f.timestamp >= (select max(floor_ms) from log_end) or (select max(start) from log_end
  where topic in (select topic from role)) = 0)`;
const isWhole = (...places: readonly number[]) =>
  `coalesce((select max(start) from log_end
    where topic in (select topic from role where place in (${places}))), 0) = 0`;
/** Customers' totals, and what stands in a line beside the dead letter, come of these alone. */
const ordersAndInvoicesWhole = isWhole(0, 1);

/** The rules that compare the two folds. */
export const projectionRules: readonly Rule[] = [
  {
    kind: "projection_differs",
    claim: "the line of every order is the fold of its events",
    sql: `
      select f.order_id as subject, null as topic, null as partition, null as offset,
        case when v.order_id is null then 'the read model has no line for it'
          else ${firstDifference(orderColumns)} end as detail
      from folded f left join viewed v on v.order_id = f.order_id
      where ${whole} and (v.order_id is null or ${
      anyDifference(orderColumns)
    }) order by f.order_id`,
  },
  {
    kind: "projection_differs",
    claim: "the read model has no line that no event explains",
    sql: `
      select v.order_id as subject, null as topic, null as partition, null as offset,
        'the read model says ' || v.status || ', no event below its positions speaks of this order' as detail
      from viewed v left join folded f on f.order_id = v.order_id
      where f.order_id is null and ${ordersAndInvoicesWhole}
        and (${isWhole(2)} or v.dead_letter_reason is null) order by v.order_id`,
  },
  {
    kind: "projection_differs",
    claim: "every customer's totals are the sums of their events",
    sql: `
      select null as subject, null as topic, null as partition, null as offset,
        'customer ' || coalesce(f.user_id, v.user_id) || ' in ' || coalesce(f.currency, v.currency) || ': '
          || case when v.user_id is null then 'the read model has no totals'
            when f.user_id is null then 'no event explains these totals'
            else ${firstDifference(totalColumns)} end as detail
      from folded_total f full join totalled v on v.user_id = f.user_id and v.currency = f.currency
      where ${ordersAndInvoicesWhole} and (f.user_id is null or v.user_id is null or ${
      anyDifference(totalColumns)
    })
      order by f.user_id, f.currency`,
  },
];
