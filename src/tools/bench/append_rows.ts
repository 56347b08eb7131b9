/** Fills an outbox: rows are made by the server itself, since it is the relay that is measured. */
import type { PrivatePipeline } from "./private_pipeline.ts";

const statementRows = 10_000;

/** From `first` on, as the HTTP side appends them. */
export async function appendRows(
  { runtime, config }: PrivatePipeline,
  first: number,
  rows: number,
  signal: AbortSignal,
): Promise<void> {
  const end = first + rows;
  for (let from = first; from < end; from += statementRows) {
    signal.throwIfAborted();
    const to = Math.min(end, from + statementRows) - 1;
    await runtime.database.sql`
      select count(outbox_append(
        0, ${config.ORDERS_TOPIC}, 'order-' || lpad(number::text, 10, '0'),
        convert_to(json_build_object(
          'event_id', gen_random_uuid(), 'order_id', 'order-' || lpad(number::text, 10, '0'),
          'user_id', 'customer-' || (number % 9973), 'amount', '12.34', 'currency', 'USD',
          'occurred_at', '2026-01-31T12:00:00.000Z', 'channel', 'benchmark-of-the-web-shop',
          'schema_version', 2
        )::text, 'UTF8'),
        '[]'::jsonb, gen_random_uuid(), 'OrderPlaced'
      ))
      from generate_series(${from}::bigint, ${to}::bigint) as number
    `;
  }
}
