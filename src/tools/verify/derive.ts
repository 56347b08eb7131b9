/** Derives from the loaded facts what the rules ask for again and again: every appearance and every event's account. */
import { type Spill, spillIndexes } from "./spill.ts";

/**
 * - `appearance`: each committed record of the orders topic. `decided`: below the offset that the invoicing group had
 *   committed *before* the outcomes were read, so an outcome must be there. `settled`: below the offset that it had
 *   committed *after* they were read, so an outcome may be there. `dead_lettered`: committed dead letters of it;
 *   `dead_lettering`: those that may still commit.
 * - `unit`: the account of one event: the appearances of one publication, redriven ones included. `places` are the
 *   appearances that no dead letter took away, each of which is worth one invoice; `owed` are the decided ones of them.
 *
 * @param deadLettersFromMs letters that were written since then are all there: retention has removed older ones only
 */
export function derive(spill: Spill, deadLettersFromMs?: number): void {
  for (const statement of [...spillIndexes, ...derived]) spill.run(statement);
  if (deadLettersFromMs === undefined) return;
  // Of a partition without a letter that is left, only the settings tell how old those were that are gone.
  spill.run(
    `update log_end set floor_ms = min(floor_ms, ?) where start > 0
      and topic = (select topic from role where place = 2)
      and not exists (select 1 from dead d where d.partition = log_end.partition)`,
    deadLettersFromMs,
  );
}

/** Dead letters of the record `a`: those of its own, and those of a batch that was not unpacked. */
function deadLetters(state: string): string {
  return `((select count(*) from dead d where d.from_partition = a.partition and d.from_offset = a.offset
        and d.state = '${state}')
      + (select count(*) from buried_range b where b.from_partition = a.partition and a.offset >= b.first
        and a.offset < b.last and b.state = '${state}'))`;
}

const derived = [
  `update log_end set floor_ms = 0 where start = 0`,
  ...["published", "invoiced", "dead"].map((table, index) => `
    update log_end set floor_ms = coalesce(
      (select min(timestamp) from ${table} t where t.partition = log_end.partition), 9e15)
    where start > 0 and topic = (select topic from role where place = ${index})`),
  `create table appearance as
    select a.partition, a.offset, coalesce(a.event, a.partition || '@' || a.offset) as unit, a.event, a.key,
      coalesce(a.order_id, a.key) as order_id, a.relayed, a.redriven_from is not null as redriven, a.timestamp,
      coalesce(a.offset < c.first, 0) as decided, coalesce(a.offset < c.last, 0) as settled,
      ${deadLetters("committed")} as dead_lettered, ${deadLetters("pending")} as dead_lettering
    from published a left join consumed c on c.partition = a.partition
    where a.state = 'committed' and not a.for_other`,
  `create table unit as
    select unit, min(event) as event, min(order_id) as order_id, max(relayed) as relayed, count(*) as appearances,
      sum(not redriven) as originals, sum(dead_lettered > 0) as dead_lettered, sum(dead_lettered + dead_lettering = 0) as places,
      sum(decided and dead_lettered + dead_lettering = 0) as owed, sum(settled and dead_lettered = 0) as settled,
      sum(decided) as decided, min(partition) as partition, min(offset) as offset, min(timestamp) as timestamp,
      (select count(*) from invoiced i where i.cause = min(appearance.event) and i.state = 'committed') as invoices,
      (select count(*) from invoiced i where i.cause = min(appearance.event) and i.state = 'pending') as pending
    from appearance group by unit`,
  `create index appearance_by_unit on appearance (unit)`,
  `create unique index unit_by_unit on unit (unit)`,
  `create index unit_by_order on unit (order_id)`,
];
