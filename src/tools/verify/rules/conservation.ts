/** Nothing lost, nothing doubled, nothing invented: the rules that count. */
import type { Rule } from "../finding.ts";
import { isWithheld } from "../withheld.ts";

/**
 * Where retention has cut a log's start, what is missing below the cut proves nothing: only what is younger than the
 * oldest record that is still there is held against the pipeline.
 */
const floorOf = (...places: readonly number[]) =>
  `(select max(floor_ms) from log_end where topic in (select topic from role where place in (${places})))`;
const outcomesWhole = floorOf(1, 2);
const ordersWhole = `not exists (select 1 from log_end e join role r on r.topic = e.topic
  where r.place = 0 and e.start > 0)`;

/** The rules of this page. */
export const conservationRules: readonly Rule[] = [
  {
    kind: "lost",
    claim: "every order below the relay's committed cursor is published",
    sql: `
      select coalesce(e.order_id, e.key) as subject, null as topic, null as partition, null as offset,
        case when e.has_outbox then 'outbox position ' || e.position || ', cursor ' || r.first || ', no publication'
          else 'its outbox row is gone, as after publishing, and there is no publication' end as detail
      from expected e left join relayed_up_to r on r.shard = e.shard
      where not e.late and (not e.has_outbox or e.position < r.first) and not ${isWithheld}
        and (e.placed_at is null or e.placed_at >= ${floorOf(0)})
        and not exists (
          select 1 from published a where a.event = e.event and a.state in ('committed', 'pending'))
      order by e.event`,
  },
  {
    kind: "lost",
    claim: "every publication below the committed offset has an invoice or a dead letter",
    sql: `
      select order_id as subject, (select topic from role where place = 0) as topic, partition, offset,
        'the offset is committed, there is ' || case when invoices = 0 then 'no invoice' else invoices || ' invoice(s)' end
          || ' for ' || owed || ' publication(s) that no dead letter took' as detail
      from unit where owed > invoices + pending and timestamp >= ${outcomesWhole}
      order by partition, offset`,
  },
  {
    kind: "doubled",
    claim: "every order is published once",
    sql: `
      select order_id as subject, (select topic from role where place = 0) as topic, partition, offset,
        'published ' || originals || ' times, not counting redrives' as detail
      from unit where relayed and originals > 1 order by partition, offset`,
  },
  {
    kind: "doubled",
    claim: "every publication has one outcome: an invoice or a dead letter",
    sql: `
      select order_id as subject, (select topic from role where place = 0) as topic, partition, offset,
        case when invoices > 1 then invoices || ' invoices' else 'an invoice and a dead letter' end as detail
      from unit where invoices > places or (relayed and invoices > 1) order by partition, offset`,
  },
  {
    kind: "doubled",
    claim: "every place on the orders topic has at most one dead letter",
    sql: `
      select order_id as subject, (select topic from role where place = 0) as topic, partition, offset,
        dead_lettered || ' dead letters' as detail
      from appearance where dead_lettered > 1 order by partition, offset`,
  },
  {
    kind: "doubled",
    // An operator may redrive one again that failed again: what counts is that only one of them lives.
    claim: "of all redrives of a dead letter only one is alive",
    sql: `
      select min(p.order_id) as subject, (select topic from role where place = 0) as topic,
        min(p.partition) as partition, min(p.offset) as offset,
        a.redriven_from || ' was redriven ' || count(*) || ' times, and ' || sum(p.dead_lettered = 0) || ' of them live' as detail
      from published a join appearance p on p.partition = a.partition and p.offset = a.offset
      where a.redriven_from is not null group by a.redriven_from
      having sum(p.decided and p.dead_lettered + p.dead_lettering = 0) > 1 order by min(p.partition), min(p.offset)`,
  },
  {
    kind: "invented",
    claim: "every publication of the relay has an order or an outbox row in Postgres",
    sql: `
      select coalesce(a.order_id, a.key) as subject, (select topic from role where place = 0) as topic, a.partition, a.offset,
        'event ' || a.event || ' is in neither orders nor outbox; its header event_id says that the relay wrote it (other '
          || 'producers must leave that header out)' as detail
      from published a
      where a.state = 'committed' and a.relayed and not exists (select 1 from expected e where e.event = a.event)
      order by a.partition, a.offset`,
  },
  {
    kind: "invented",
    claim: "every invoice has a publication",
    sql: `
      select coalesce(i.order_id, i.key) as subject, (select topic from role where place = 1) as topic, i.partition, i.offset,
        'its cause ' || coalesce(i.cause, '(none)') || ' is not on the orders topic' as detail
      from invoiced i
      where i.state = 'committed' and ${ordersWhole}
        and not exists (select 1 from published a where a.event = i.cause)
      order by i.partition, i.offset`,
  },
  {
    kind: "invented",
    claim: "every dead letter has a record at the place that it names",
    sql: `
      select coalesce(d.order_id, d.key) as subject, (select topic from role where place = 2) as topic, d.partition, d.offset,
        'there is no record at partition ' || coalesce(d.from_partition, '?') || ' offset ' || coalesce(d.from_offset, '?') as detail
      from dead d left join log_end e on e.partition = d.from_partition and e.topic = (select topic from role where place = 0)
      where d.state = 'committed' and coalesce(d.from_offset >= e.start, 1)
        and not exists (select 1 from published a where a.partition = d.from_partition and a.offset = d.from_offset)
      order by d.partition, d.offset`,
  },
  {
    kind: "invented",
    claim: "every redriven record has a dead letter where it says that it came from",
    sql: `
      select coalesce(a.order_id, a.key) as subject, (select topic from role where place = 0) as topic, a.partition, a.offset,
        'there is no dead letter at ' || a.redriven_from as detail
      from published a
      left join log_end e on e.partition = a.redriven_partition and e.topic = (select topic from role where place = 2)
      where a.redriven_from is not null and a.state = 'committed'
        and coalesce(a.redriven_offset >= e.start and a.redriven_offset < e.high, 1)
        and not exists (
          select 1 from dead d where d.partition = a.redriven_partition and d.offset = a.redriven_offset)
      order by a.partition, a.offset`,
  },
];
