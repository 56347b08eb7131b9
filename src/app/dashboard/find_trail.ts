/** Follows one order through the tables. The whole story, Kafka included, is `deno task explain`. */
import { findOrder } from "../orders/find_order.ts";
import type { Sql } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import type { OrderTrail } from "./dashboard_data.ts";
import type { KafkaRanges } from "./kafka_ranges.ts";

interface TrailRow {
  readonly placed: boolean;
  readonly shard: number | null;
  readonly position: number | null;
  readonly placed_partition: number | null;
  readonly placed_offset: number | null;
  readonly placed_count: number | null;
  readonly invoices_count: number | null;
  readonly dead_letter_class: string | null;
}

/**
 * Where the order is, or undefined where there is none of that id.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function findTrail(
  sql: Sql,
  orderId: string,
  relay: KafkaRanges["relay"] | undefined,
): Promise<OrderTrail | undefined> {
  const order = await findOrder(sql, orderId);
  if (order === undefined) return undefined;
  const [row] = await translatingErrors(() =>
    sql<TrailRow[]>`
      select o.order_id is not null as placed, b.shard, b.position, v.placed_partition,
        v.placed_offset, v.placed_count, v.invoices_count, v.dead_letter_class
      from (select ${orderId}::text as id) as asked
      left join orders o on o.order_id = asked.id
      left join outbox b on b.event_id = o.event_id
      left join order_view v on v.order_id = asked.id
    `
  );
  if (row === undefined) return undefined;
  return {
    order,
    outbox: row.placed ? outboxOf(row, relay) : undefined,
    topic: topicOf(row),
    invoices_count: row.invoices_count ?? 0,
    dead_letter_class: order.dead_letter === null ? undefined : row.dead_letter_class ?? undefined,
  };
}

function outboxOf(
  { shard, position }: TrailRow,
  relay: KafkaRanges["relay"] | undefined,
): OrderTrail["outbox"] {
  if (position === null) return { state: "removed" };
  const next = relay?.find((cursor) => cursor.shard === shard)?.next;
  if (next === undefined) return { state: "unknown", position };
  return { state: position < next ? "published" : "waiting", position };
}

function topicOf({ placed_partition, placed_offset, placed_count }: TrailRow): OrderTrail["topic"] {
  if (placed_partition === null || placed_offset === null) return undefined;
  return { partition: placed_partition, offset: placed_offset, times: placed_count ?? 0 };
}
