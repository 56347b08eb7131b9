/** Looks for lost and doubled orders behind a cut. It trusts the read model; `deno task verify` does not. */
import type { Sql, Tx } from "../../engine/postgres/database.ts";
import { boundedRead } from "./bounded_read.ts";
import type { Conservation, Finding } from "./dashboard_data.ts";
import { hasReached, type Position } from "./has_reached.ts";
import type { KafkaRanges } from "./kafka_ranges.ts";

const examplesMax = 5;

/**
 * What is missing or doubled behind the cut, from one snapshot; undefined while the read model has not come to it.
 * Throws as {@linkcode boundedRead} does.
 *
 * @param projection the name under which the read model's positions are kept
 */
export function checkCut(
  sql: Sql,
  projection: string,
  cut: KafkaRanges,
): Promise<Conservation | undefined> {
  return boundedRead(sql, async (tx) => {
    const positions = await tx<Position[]>`
      select topic, partition, next_offset as next from projection_positions
      where projection = ${projection}
    `;
    if (!hasReached(positions, cut.ends)) return undefined;
    return {
      cut_at: cut.at.toISOString(),
      never_published: await neverPublished(tx, cut),
      never_settled: await neverSettled(tx, cut),
      billed_twice: await billedTwice(tx),
    };
  });
}

/**
 * An order's outbox row at or beyond the cursor is still on its way. Below it the order must be on the topic, whether
 * the row is still there or was cleared away; no row below the cursor can appear later (the barrier read sees to that).
 */
async function neverPublished(tx: Tx, { relay }: KafkaRanges): Promise<Finding> {
  const rows = await tx<FoundRow[]>`
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
  const rows = await tx<FoundRow[]>`
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
  const rows = await tx<FoundRow[]>`
    select order_id, count(*) over () as orders from order_view
    where invoices_count > 1 limit ${examplesMax}
  `;
  return findingOf(rows);
}

interface FoundRow {
  readonly order_id: string;
  readonly orders: number;
}

function findingOf(rows: readonly FoundRow[]): Finding {
  return { orders: rows[0]?.orders ?? 0, examples: rows.map(({ order_id }) => order_id) };
}
