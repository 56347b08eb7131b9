/** Measures how long orders took from their acceptance to their invoice. */
import type { Sql } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import type { Latency } from "./dashboard_data.ts";
import { lastPlaced } from "./last_placed.ts";

const ordersMax = 500;

/**
 * Of the orders that were placed last, by the outbox's own order: a bounded number of index entries is read. The invoice's
 * time is the worker's when it makes it; its transaction commits some milliseconds later.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function readLatency(sql: Sql, shards: number): Promise<Latency> {
  const [row] = await translatingErrors(() =>
    sql<Latency[]>`
      select count(*) as orders, count(seconds) as invoiced,
        percentile_cont(0.5) within group (order by seconds) as p50_seconds,
        percentile_cont(0.95) within group (order by seconds) as p95_seconds,
        max(seconds) as max_seconds
      from (
        -- \`greatest\` passes over nulls: an order without an invoice would count as one without delay.
        select case when v.invoiced_at is not null
          then greatest(0, extract(epoch from v.invoiced_at - o.placed_at))::float8 end as seconds
        ${lastPlaced(sql, shards, ordersMax)}
      ) as latest
    `
  );
  if (row === undefined) throw new Error("the latency's query returned no row");
  return row;
}
