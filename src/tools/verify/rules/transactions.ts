/** No transaction torn, none aborted yet visible, none left open, no offset outside its log, no lag. */
import type { Rule } from "../finding.ts";
import { reasonOfOffset } from "../hindrance.ts";
import { isWithheld } from "../withheld.ts";

const orders = "(select topic from role where place = 0)";
const invoices = "(select topic from role where place = 1)";
const deadLetters = "(select topic from role where place = 2)";

const tables = [["published", orders], ["invoiced", invoices], ["dead", deadLetters]] as const;

/** The rules of this page. */
export const transactionRules: readonly Rule[] = [
  {
    kind: "torn",
    claim: "an invoice is visible only when its order's offset is committed",
    sql: `
      select order_id as subject, ${orders} as topic, partition, offset,
        'it is invoiced, but the group has committed only offset ' || (
          select c.last from consumed c where c.partition = unit.partition) as detail
      from unit where invoices > 0 and places > 0 and settled = 0
        and exists (select 1 from consumed c where c.partition = unit.partition and c.last is not null)
      order by partition, offset`,
  },
  {
    kind: "torn",
    claim: "a dead letter is visible only when its original's offset is committed",
    sql: `
      select p.order_id as subject, ${orders} as topic, p.partition, p.offset,
        'it is a dead letter, but the group has committed only offset ' || c.last as detail
      from appearance p join consumed c on c.partition = p.partition
      where p.dead_lettered > 0 and not p.settled and c.last is not null order by p.partition, p.offset`,
  },
  {
    kind: "torn",
    claim: "a publication is visible only when the relay's cursor is past it",
    sql: `
      select coalesce(a.order_id, a.key) as subject, ${orders} as topic, a.partition, a.offset,
        'outbox position ' || e.position || ' is published, the cursor is at ' || coalesce(r.last, 'nothing') as detail
      from published a join expected e on e.event = a.event
      left join relayed_up_to r on r.shard = e.shard
      where a.state = 'committed' and a.relayed and e.has_outbox and e.position >= coalesce(r.last, 0)
      order by a.partition, a.offset`,
  },
  {
    kind: "torn",
    claim: "an offset is committed only together with its output",
    sql: `
      select order_id as subject, ${orders} as topic, partition, offset,
        'the offset is committed, the output was aborted' as detail
      from unit where owed > invoices + pending and (
        exists (select 1 from invoiced i where i.cause = unit.event and i.state = 'aborted')
        or exists (select 1 from appearance p join dead d on d.from_partition = p.partition and d.from_offset = p.offset
          where p.unit = unit.unit and d.state = 'aborted'))
      order by partition, offset`,
  },
  {
    kind: "visible_abort",
    claim: "no invoice comes from a publication that was not committed",
    sql: `
      select coalesce(i.order_id, i.key) as subject, ${invoices} as topic, i.partition, i.offset,
        'its publication at offset ' || a.offset || ' is ' || a.state as detail
      from invoiced i join published a on a.event = i.cause and a.state in ('aborted', 'pending')
      where i.state = 'committed'
        and not exists (select 1 from published b where b.event = i.cause and b.state = 'committed')
      order by i.partition, i.offset`,
  },
  {
    kind: "visible_abort",
    claim: "no dead letter comes from a record that was not committed",
    sql: `
      select coalesce(d.order_id, d.key) as subject, ${deadLetters} as topic, d.partition, d.offset,
        'its original at offset ' || a.offset || ' is ' || a.state as detail
      from dead d join published a on a.partition = d.from_partition and a.offset = d.from_offset
      where d.state = 'committed' and a.state in ('aborted', 'pending')
      order by d.partition, d.offset`,
  },
  {
    kind: "visible_abort",
    claim: "no redriven record comes from a dead letter that was not committed",
    sql: `
      select coalesce(a.order_id, a.key) as subject, ${orders} as topic, a.partition, a.offset,
        'the dead letter ' || a.redriven_from || ' is ' || d.state as detail
      from published a join dead d on d.partition = a.redriven_partition and d.offset = a.redriven_offset
      where a.redriven_from is not null and a.state = 'committed' and d.state <> 'committed'
      order by a.partition, a.offset`,
  },
  {
    kind: "visible_abort",
    claim: "the read model shows no invoice that was not committed",
    sql: `
      select v.order_id as subject, ${invoices} as topic, i.partition, i.offset,
        'the read model shows invoice ' || v.invoice_id || ', which is ' || i.state as detail
      from viewed v join invoiced i on i.order_id = v.order_id and i.invoice_id = v.invoice_id and i.state <> 'committed'
      where not exists (select 1 from invoiced j where j.order_id = v.order_id and j.invoice_id = v.invoice_id
        and j.state = 'committed')
      order by v.order_id`,
  },
  ...tables.map(([table, topic]): Rule => ({
    kind: "visible_abort",
    claim: "the committed read is part of the raw read, byte for byte",
    sql: `
      select key as subject, ${topic} as topic, partition, offset,
        'read_committed shows a record that read_uncommitted does not' as detail
      from ${table} where state = 'contradicted' order by partition, offset`,
  })),
  {
    kind: "open_transaction",
    claim: "no transaction stays open: the last stable offset reaches the end of the log",
    sql: `
      select null as subject, e.topic, e.partition, e.stable as offset,
        'the last stable offset stands at ' || e.stable || ', the log goes on to ' || e.high || coalesce('; held by '
          || group_concat(coalesce(t.transactional_id, 'producer ' || t.producer_id) || ' since offset ' || t.start_offset
            || coalesce(' (' || h.reason || ')', ''), ', '), '') as detail
      from log_end e left join open_transaction t on t.topic = e.topic and t.partition = e.partition
        left join hindrance h on h.topic = t.topic and h.partition = t.partition and h.producer_id = t.producer_id
      where e.stable < e.high group by e.topic, e.partition order by e.topic, e.partition`,
  },
  {
    kind: "open_transaction",
    claim: "no committed offset waits for a transaction that stays open",
    sql: `
      select null as subject, topic, partition, offset,
        'group ' || group_id || ' has an offset pending here, behind ' || offset
          || coalesce(' (' || ${reasonOfOffset} || ')', '') as detail
      from held_offset o order by topic, partition`,
  },
  {
    kind: "offset_outside_log",
    claim: "the redrive group's committed offsets lie within the log",
    sql: `
      select null as subject, e.topic, e.partition, r.first as offset,
        'committed ' || r.first || ', the log goes to ' || e.high as detail
      from redriven_up_to r join log_end e on e.partition = r.partition and e.topic = ${deadLetters}
      where r.first > e.high order by e.partition`,
  },
  {
    kind: "offset_outside_log",
    claim: "the invoicing group's committed offsets lie within the log",
    sql: `
      select null as subject, e.topic, e.partition, c.last as offset,
        'committed ' || c.last || ', the log goes from ' || e.start || ' to ' || e.high as detail
      from consumed c join log_end e on e.partition = c.partition and e.topic = ${orders}
      where c.last < e.start or c.first > e.high order by e.partition`,
  },
  {
    kind: "offset_outside_log",
    claim: "a partition with outcomes has a committed offset",
    sql: `
      select min(p.order_id) as subject, ${orders} as topic, p.partition, min(p.offset) as offset,
        'the group has no committed offset here (expired, or removed), yet there are outcomes' as detail
      from appearance p left join consumed c on c.partition = p.partition
      where c.last is null and (p.dead_lettered > 0 or exists (
        select 1 from invoiced i where i.cause = p.event and i.state = 'committed'))
      group by p.partition order by p.partition`,
  },
  {
    kind: "offset_outside_log",
    claim: "the relay's cursor lies within the outbox",
    sql: `
      select null as subject, null as topic, r.shard as partition, r.last as offset,
        'the cursor is at ' || r.last || ', the outbox has handed out only ' || o.taken
          || ' positions (a database restored to an earlier state?)' as detail
      from relayed_up_to r join outbox_end o where r.last > o.taken + 1 order by r.shard`,
  },
  {
    kind: "offset_outside_log",
    claim: "the projection's positions lie within the log",
    sql: `
      select null as subject, e.topic, e.partition, p.next_offset as offset,
        'folded up to ' || p.next_offset || ', the log goes to ' || e.high as detail
      from projected p join log_end e on e.topic = p.topic and e.partition = p.partition
      where p.next_offset > e.high order by e.topic, e.partition`,
  },
  {
    kind: "lag",
    claim: "everything in the outbox is published",
    onlyWhenDrained: true,
    sql: `
      select coalesce(e.order_id, e.key) as subject, null as topic, e.shard as partition, e.position as offset,
        'outbox position ' || e.position || case when e.position < r.last then ' is held back'
          else ' is at or above the cursor ' || coalesce(r.last, 'that was never set') end as detail
      from expected e left join relayed_up_to r on r.shard = e.shard
      where e.has_outbox and (e.position >= coalesce(r.last, 0) or ${isWithheld}) order by e.position`,
  },
  {
    kind: "lag",
    claim: "everything on the orders topic is processed",
    onlyWhenDrained: true,
    sql: `
      select order_id as subject, ${orders} as topic, partition, offset,
        'not processed yet: the group has not committed an offset above it' as detail
      from appearance where not settled order by partition, offset`,
  },
  ...tables.map(([table, topic]): Rule => ({
    kind: "lag",
    claim: "everything on the topics is projected",
    onlyWhenDrained: true,
    sql: `
      select t.key as subject, ${topic} as topic, t.partition, t.offset,
        'not folded into the read model yet' as detail
      from ${table} t left join projected p on p.topic = ${topic} and p.partition = t.partition
      where t.state = 'committed' and t.offset >= coalesce(p.next_offset, 0) order by t.partition, t.offset`,
  })),
];
