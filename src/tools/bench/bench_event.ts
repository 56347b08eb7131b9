/** The events of the benchmark: made from a number, so that every output can be checked without a list. Owns no I/O. */
import { z } from "zod";

/** An order as the benchmark writes it: about 250 bytes of JSON, and an `OrderPlaced` that invoicing accepts. */
export interface BenchOrder {
  readonly event_id: string;
  readonly order_id: string;
  readonly user_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly occurred_at: string;
  readonly channel: string;
  readonly schema_version: number;
}

/** What the plain work checks on reading: every field, by its type. */
export const benchOrder = z.object({
  event_id: z.string(),
  order_id: z.string(),
  user_id: z.string(),
  amount: z.string(),
  currency: z.string(),
  occurred_at: z.string(),
  channel: z.string(),
  schema_version: z.number(),
});

/** What the plain work writes: the order with one field more. */
export const benchInvoice = benchOrder.extend({ invoice_id: z.string() });

const keyPrefix = "order-";
const numberDigits = 10;

/** The key of the event with that number: its order's id. */
export function benchKey(number: number): string {
  return keyPrefix + String(number).padStart(numberDigits, "0");
}

/** The number in a key; -1 where the key is none of ours. */
export function numberOfKey(key: string): number {
  if (key.length !== keyPrefix.length + numberDigits || !key.startsWith(keyPrefix)) return -1;
  const number = Number(key.slice(keyPrefix.length));
  return Number.isInteger(number) ? number : -1;
}

/** The event with that number: the same for every process and every peer. */
export function benchOrderOf(number: number): BenchOrder {
  const tail = number.toString(16).padStart(12, "0");
  return {
    event_id: `018f5f00-0000-7000-8000-${tail}`,
    order_id: benchKey(number),
    user_id: `customer-${String(number % 9_973).padStart(6, "0")}`,
    amount: `${1 + number % 900}.${String(number % 100).padStart(2, "0")}`,
    currency: "USD",
    occurred_at: "2026-01-31T12:00:00.000Z",
    channel: "benchmark-of-the-web-shop",
    schema_version: 2,
  };
}

/** The field that the plain work adds. */
export function invoiceIdOf(orderId: string): string {
  return `invoice-${orderId}`;
}
