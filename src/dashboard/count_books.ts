/** Counts what the tables hold, all of it from one snapshot. It writes nothing and holds nothing back. */
import type { Sql, Tx } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import type { Conservation, Counts, CustomerRow, Finding } from "./dashboard_data.ts";
import type { KafkaRanges } from "./kafka_ranges.ts";
import { hasReached, type Position } from "./has_reached.ts";

/** What one snapshot told. */
export interface Books {
  readonly counts: Counts;
  readonly customers: readonly CustomerRow[];
  /** The cut's findings; undefined while the read model has not come to the cut. */
  readonly conservation: Conservation | undefined;
}

const statementMsMax = 5_000;
const examplesMax = 5;
const customersMax = 8;

/**
 * Counts under repeatable read. A read-only transaction has no xid, so the relay does not wait for it.
 *
 * @param projection the name under which the read model's positions are kept
 * @throws {DependencyDownError} when Postgres cannot be reached
 * @throws when a statement takes longer than five seconds (SQLSTATE 57014)
 */
export async function countBooks(
  sql: Sql,
  projection: string,
  cut: KafkaRanges | undefined,
): Promise<Books> {
  return await translatingErrors(() =>
    sql.begin("isolation level repeatable read read only", async (tx) => {
      await tx`select set_config('statement_timeout', ${String(statementMsMax)}, true)`;
      const counts = await readCounts(tx);
      const customers = await readCustomers(tx);
      const positions = await tx<Position[]>`
        select topic, partition, next_offset as next from projection_positions
        where projection = ${projection}
      `;
      const conservation = cut && hasReached(positions, cut.ends)
        ? await readConservation(tx, cut, counts)
        : undefined;
      return { counts, customers, conservation };
    })
  );
}

async function readCounts(tx: Tx): Promise<Counts> {
  const [row] = await tx<Counts[]>`
    select
      (select count(*) from orders) as placed,
      count(*) filter (where user_id is not null) as announced,
      count(*) filter (where user_id is not null and status = 'invoiced') as invoiced,
      count(*) filter (where user_id is not null and status = 'dead-lettered') as dead_lettered,
      count(*) filter (where user_id is not null and status = 'placed') as pending
    from order_view
  `;
  if (row === undefined) throw new Error("the count returned no row");
  return row;
}

/** By number of orders: sums in different currencies do not compare. */
async function readCustomers(tx: Tx): Promise<readonly CustomerRow[]> {
  const rows = await tx<CustomerRow[]>`
    select user_id, currency, orders_count, invoices_count, amount_total, invoiced_total
    from customer_totals
    order by orders_count desc, user_id, currency
    limit ${customersMax}
  `;
  return [...rows];
}

async function readConservation(tx: Tx, cut: KafkaRanges, counts: Counts): Promise<Conservation> {
  return {
    cut_at: cut.at.toISOString(),
    settled: counts.invoiced + counts.dead_lettered,
    never_announced: await neverAnnounced(tx, cut),
    never_settled: await neverSettled(tx, cut),
    billed_twice: await billedTwice(tx),
  };
}

/**
 * An order's outbox row at or beyond the cursor is still on its way. Below it the order must be on the topic, whether
 * the row is still there or was cleared away; no row below the cursor can appear later (the barrier read sees to that).
 */
async function neverAnnounced(tx: Tx, { relay }: KafkaRanges): Promise<Finding> {
  const rows = await tx<{ order_id: string; orders: number }[]>`
    select o.order_id, count(*) over () as orders
    from orders o
    where not exists (
      select from order_view v where v.order_id = o.order_id and v.user_id is not null
    ) and not exists (
      select from outbox b
      join json_to_recordset(${JSON.stringify(relay)}::text::json)
        as cursor (shard smallint, next bigint) using (shard)
      where b.event_id = o.event_id and b.position >= cursor.next
    )
    limit ${examplesMax}
  `;
  return findingOf(rows);
}

/** Of the place that the read model knows: a redrive puts the order at a later one. */
async function neverSettled(tx: Tx, { worker }: KafkaRanges): Promise<Finding> {
  const rows = await tx<{ order_id: string; orders: number }[]>`
    select v.order_id, count(*) over () as orders
    from order_view v
    join json_to_recordset(${JSON.stringify(worker)}::text::json)
      as committed (partition int, next bigint) on committed.partition = v.placed_partition
    where v.status = 'placed' and v.user_id is not null and v.placed_offset < committed.next
    limit ${examplesMax}
  `;
  return findingOf(rows);
}

async function billedTwice(tx: Tx): Promise<Finding> {
  const rows = await tx<{ order_id: string; orders: number }[]>`
    select order_id, count(*) over () as orders from order_view
    where invoices_count > 1 limit ${examplesMax}
  `;
  return findingOf(rows);
}

function findingOf(rows: readonly { order_id: string; orders: number }[]): Finding {
  return { orders: rows[0]?.orders ?? 0, examples: rows.map(({ order_id }) => order_id) };
}
