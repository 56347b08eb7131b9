/** Records of the reference application as its topics carry them, for tests of the read model. */
import { v7 as uuidV7 } from "uuid";
import { type InputRecord, textHeader } from "../../src/engine/core/record.ts";

export const topics = {
  orders: "orders",
  invoices: "invoices",
  deadLetters: "orders.DLQ",
  invoicingGroup: "onceflow.invoicing",
};

/** A record before it has its offset. */
export type NewRecord = Omit<InputRecord, "offset">;

export interface OrderFields {
  readonly orderId: string;
  readonly userId?: string;
  readonly amount?: string;
  readonly currency?: string;
  readonly eventId?: string;
  readonly partition?: number;
}

const encoder = new TextEncoder();
const occurredAt = "2026-01-02T03:04:05.678Z";

export function placed(order: OrderFields): NewRecord {
  return json(topics.orders, order, {
    event_id: order.eventId ?? uuidV7(),
    order_id: order.orderId,
    user_id: order.userId ?? "u1",
    amount: order.amount ?? "100.00",
    currency: order.currency ?? "USD",
    occurred_at: occurredAt,
    schema_version: 1,
  });
}

export function invoiced(order: OrderFields & { readonly gross?: string }): NewRecord {
  return json(topics.invoices, order, {
    event_id: order.eventId ?? uuidV7(),
    invoice_id: uuidV7(),
    order_id: order.orderId,
    user_id: order.userId ?? "u1",
    net: order.amount ?? "100.00",
    tax: "10.00",
    gross: order.gross ?? "110.00",
    tax_rate: "0.10",
    currency: order.currency ?? "USD",
    occurred_at: occurredAt,
    causation: uuidV7(),
    schema_version: 1,
  });
}

/** The dead letter of a record that stood at `offset` of its topic: key and value are its own bytes. */
export function deadLetter(original: NewRecord, offset: number, error = "no tax rate"): NewRecord {
  return {
    ...original,
    topic: topics.deadLetters,
    headers: [
      ...original.headers,
      textHeader("x-original-topic", original.topic),
      textHeader("x-original-partition", `${original.partition}`),
      textHeader("x-original-offset", `${offset}`),
      textHeader("x-error", error),
      textHeader("x-error-class", "PoisonError"),
    ],
  };
}

export function garbage(topic: string, partition = 0, key = "o-garbage"): NewRecord {
  const bytes = new Uint8Array([0xff, 0x00, 0x7b]);
  return { topic, partition, timestamp: 0, key: encoder.encode(key), value: bytes, headers: [] };
}

function json(topic: string, order: OrderFields, value: unknown): NewRecord {
  return {
    topic,
    partition: order.partition ?? 0,
    timestamp: Date.parse(occurredAt),
    key: encoder.encode(order.orderId),
    value: encoder.encode(JSON.stringify(value)),
    headers: [],
  };
}
