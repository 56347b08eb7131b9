/** Nothing altered, nothing out of order: the rules that compare. */
import type { Rule } from "../finding.ts";

const orders = "(select topic from role where place = 0)";
const invoices = "(select topic from role where place = 1)";
const deadLetters = "(select topic from role where place = 2)";

/** That invoice `i` bills the order in this row of `published`. */
const bills = (order: string) => {
  const same = ["order_id", "user_id", "currency", "key"].map((field) =>
    `i.${field} is ${order}.${field}`
  );
  return `(i.net is ${order}.amount and ${same.join(" and ")})`;
};

/** The rules of this page. */
export const integrityRules: readonly Rule[] = [
  {
    kind: "altered",
    // That its line and its customer's totals do not either is part of the fold.
    claim: "the row of an erased order names nobody",
    sql: `
      select e.order_id as subject, null as topic, null as partition, null as offset,
        'the list of erased orders has ' || x.pseudonym || ' for it, the row has another name' as detail
      from expected e join erased x on x.order_id = e.order_id and not x.late
      where e.has_row and not e.late and e.user_id is not x.pseudonym order by e.order_id`,
  },
  {
    kind: "altered",
    claim: "a publication has the outbox row's key and bytes",
    sql: `
      select coalesce(a.order_id, a.key) as subject, ${orders} as topic, a.partition, a.offset,
        case when a.key is not e.key then 'its key is ' || coalesce(a.key, 'null') || ', the outbox says '
            || coalesce(e.key, 'null')
          else 'its value has other bytes than outbox position ' || e.position end as detail
      from published a join expected e on e.event = a.event
      where a.state = 'committed' and a.relayed and e.has_outbox
        and (a.value_digest <> e.value_digest or a.key is not e.key)
      order by a.partition, a.offset`,
  },
  {
    kind: "altered",
    claim: "a publication says what the order's row says",
    sql: `
      select e.order_id as subject, ${orders} as topic, a.partition, a.offset,
        case when a.order_id is not e.order_id
            then 'it speaks of order ' || coalesce(a.order_id, 'null') || ', the row is ' || coalesce(e.order_id, 'null')
          when a.user_id is e.user_id and a.amount is e.amount and a.currency is e.currency
            then 'it was placed at ' || coalesce(a.occurred_at, 'null') || ' (ms), the row says ' || coalesce(e.placed_at, 'null')
          else 'the row is ' || e.user_id || ' ' || e.amount || ' ' || e.currency || ', the publication is '
            || coalesce(a.user_id || ' ' || a.amount || ' ' || a.currency, 'undecodable') end as detail
      from published a join expected e on e.event = a.event
      where a.state = 'committed' and a.relayed and e.has_row
        and (a.order_id is not e.order_id or a.amount is not e.amount
          or a.currency is not e.currency or a.occurred_at is not e.placed_at
          or (a.user_id is not e.user_id and not exists (select 1 from erased x where x.order_id = e.order_id)))
      order by a.partition, a.offset`,
  },
  {
    kind: "altered",
    claim:
      "an invoice bills its order: same order, customer and currency, net = amount, gross = net + tax",
    sql: `
      select coalesce(i.order_id, i.key) as subject, ${invoices} as topic, i.partition, i.offset,
        case when not i.well_formed then 'it cannot be read as an invoice'
          when not i.adds_up then 'net ' || i.net || ' + tax ' || i.tax || ' is not gross ' || i.gross
          when not a.well_formed then 'it bills the record at partition ' || a.partition || ' offset ' || a.offset
            || ', which is no order and belongs to the dead letters: ' || coalesce(a.problem, '')
          when i.net is not a.amount then 'net ' || i.net || ', the order is over ' || coalesce(a.amount, 'null')
          when i.key is not a.key then 'its key is ' || coalesce(i.key, 'null') || ', the order''s is ' || coalesce(a.key, 'null')
          else 'it bills ' || i.order_id || ' to ' || i.user_id || ' in ' || i.currency || ', the order is '
            || coalesce(a.order_id, 'null') || ' of ' || coalesce(a.user_id, 'null') || ' in ' || coalesce(a.currency, 'null')
          end as detail
      from invoiced i left join published a on (a.partition, a.offset) = (
        -- Of several records with one event id (another producer may repeat it) the one that it bills.
        select b.partition, b.offset from published b where b.event = i.cause and b.state = 'committed'
        order by b.well_formed desc, ${bills("b")} desc, b.partition, b.offset limit 1)
      where i.state = 'committed' and (not i.well_formed or not i.adds_up
        or (a.event is not null and not (a.well_formed and ${bills("a")})))
      order by i.partition, i.offset`,
  },
  {
    kind: "altered",
    // Of one that was cut to fit, what is whole is compared, and the SHA-256 of what is not.
    claim: "a dead letter has the original's key, value and headers",
    sql: `
      select coalesce(a.order_id, a.key) as subject, ${deadLetters} as topic, d.partition, d.offset,
        'it differs from the record at partition ' || a.partition || ' offset ' || a.offset as detail
      from dead d join published a on a.partition = d.from_partition and a.offset = d.from_offset
      where d.state = 'committed' and (d.digest <> a.digest or d.value_digest <> a.value_digest
        or (d.has_key and d.key is not a.key))
      order by d.partition, d.offset`,
  },
  {
    kind: "altered",
    claim: "a redriven record has the dead letter's key, value and headers",
    sql: `
      select coalesce(a.order_id, a.key) as subject, ${orders} as topic, a.partition, a.offset,
        'it differs from the dead letter at ' || a.redriven_from as detail
      from published a join dead d on d.partition = a.redriven_partition and d.offset = a.redriven_offset
      where a.redriven_from is not null and a.state = 'committed' and d.digest <> a.digest
      order by a.partition, a.offset`,
  },
  {
    kind: "out_of_order",
    claim: "events of one key are published in the order of the outbox",
    sql: `
      select key as subject, ${orders} as topic, partition, offset,
        'outbox position ' || position || ' comes after position ' || before as detail
      from (
        select a.key, a.partition, a.offset, e.position,
          max(e.position) over (partition by a.key, a.partition order by a.offset
            rows between unbounded preceding and 1 preceding) as before
        from published a join expected e on e.event = a.event and e.has_outbox
        where a.state = 'committed' and a.relayed and a.redriven_from is null and a.key in (
          select key from published group by key having count(*) > 1)
      ) where before > position order by partition, offset`,
  },
  {
    kind: "out_of_order",
    claim: "invoices of one key come in the order of their publications",
    sql: `
      select key as subject, ${invoices} as topic, partition, offset,
        'its order is at offset ' || cause_offset || ', the invoice before it belongs to offset ' || before as detail
      from (
        select i.key, i.partition, i.offset, p.offset as cause_offset,
          max(p.offset) over (partition by i.key, i.partition, p.partition order by i.offset
            rows between unbounded preceding and 1 preceding) as before
        from invoiced i join appearance p on p.unit = i.cause and p.dead_lettered = 0
        -- what is doubled is found as such, and has no order of its own
        join unit u on u.unit = i.cause and u.places = 1 and u.invoices = 1
        where i.state = 'committed' and i.key in (select key from invoiced group by key having count(*) > 1)
      ) where before > cause_offset order by partition, offset`,
  },
];
