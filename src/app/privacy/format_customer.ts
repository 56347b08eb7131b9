/** Where a customer's name stands, as lines for people. Pure. */
import { oneLine } from "../../engine/core/plain_text.ts";
import type { CustomerInTopic } from "./customer_in_topic.ts";
import { type CustomerExplanation, isKnown } from "./explain_customer.ts";

/** One line a place; what an erasure does with it stands in `src/deploy/personal_data.md`. */
export function formatCustomer(found: CustomerExplanation): string {
  const { customer, tables, topics, outboxHours, idempotencyHours } = found;
  if (!isKnown(found)) {
    return oneLine(`No table and no topic names customer ${customer}.`);
  }
  const lines: [place: string, text: string][] = [
    ["table orders", rows(tables.orders)],
    [
      "table outbox",
      rows(tables.outbox) + goes(tables.outboxNewest, outboxHours, "published by then"),
    ],
    [
      "table idempotency_keys",
      rows(tables.idempotencyKeys) + goes(tables.idempotencyNewest, idempotencyHours),
    ],
    ["table order_view", rows(tables.orderView)],
    ["table customer_totals", rows(tables.customerTotals)],
    ["their copies of a rebuild", rows(tables.viewCopies)],
    ["table audit_log", rows(tables.auditLog)],
    ...topics.map((topic): [string, string] => [`topic ${topic.topic}`, inTopic(topic)]),
  ];
  const width = Math.max(...lines.map(([place]) => place.length));
  return [
    `Customer ${customer}`,
    ...lines.map(([place, text]) => `  ${place.padEnd(width)}  ${text}`),
  ].map(oneLine).join("\n");
}

function rows(count: number): string {
  return count === 1 ? "1 row" : `${count} rows`;
}

function goes(newest: string | null, hours: number, condition?: string): string {
  if (newest === null) return "";
  const gone = new Date(Date.parse(newest) + hours * 3_600_000).toISOString();
  return `, deleted from ${gone} on${condition ? ` if ${condition}` : ""}`;
}

/** How many records, and how long they stay. */
export function inTopic(
  { records, oldest, newest, places, retentionMs, goneBy }: CustomerInTopic,
): string {
  if (records === 0) return "0 records";
  const count = records === 1 ? "1 record" : `${records} records`;
  const shown = `${places.join(" ")}${records > places.length ? " and more" : ""}`;
  const stays = goneBy !== null
    ? `gone by ${goneBy}`
    : retentionMs === -1
    ? "kept for ever (retention.ms=-1)"
    : "nobody tells how long it is kept";
  return `${count}, ${oldest} to ${newest}, ${stays} (at ${shown})`;
}
