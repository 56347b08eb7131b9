/** The flows that the benchmark runs, defined as a user defines one. Knows nothing of rounds or clocks. */
import { z } from "zod";
import { keyedState } from "../../engine/core/keyed_state.ts";
import { namesIn } from "../../engine/core/names.ts";
import { defineFlow, type Flow } from "../../engine/core/flow.ts";
import { topic } from "../../engine/core/topic_contract.ts";
import { invoicing } from "../../app/orders/invoicing.ts";
import type { OrderPlaced } from "../../app/orders/events.ts";
import type { Sql } from "../../engine/postgres/database.ts";
import { benchInvoice, type BenchOrder, benchOrder, invoiceIdOf } from "./bench_event.ts";

/** Where a flow reads and writes. */
export interface FlowPlace {
  readonly input: string;
  readonly output: string;
  /** Part of the consumer group's name: a new one starts from the beginning. */
  readonly name: string;
}

/** Parse, validate, add one field, serialise, write with the same key. */
export function plainFlow({ input, output, name }: FlowPlace): Flow<BenchOrder> {
  const orders = topic(input, { read: benchOrder, key: (order) => order.order_id });
  const invoices = topic(output, { read: benchInvoice, key: (invoice) => invoice.order_id });
  return defineFlow({
    name,
    from: orders,
    to: [invoices],
    deadLetters: `${output}.DLQ`,
    transform: (order) => invoices.event({ ...order, invoice_id: invoiceIdOf(order.order_id) }),
  });
}

/** The same, and how often each key came: one read and one write of its state a record. */
export function countFlow(place: FlowPlace): Flow<BenchOrder> {
  const plain = plainFlow(place);
  return defineFlow({
    ...plain,
    deadLetters: plain.deadLetters,
    state: keyedState({ read: z.object({ count: z.int() }) }),
    transform(order, context) {
      context.state.set({ count: (context.state.get()?.count ?? 0) + 1 });
      return plain.transform(order, context);
    },
  });
}

/** The reference application's invoicing, with its tax rate from Postgres, under a group of its own. */
export function lookupFlow(sql: Sql, { input, output, name }: FlowPlace): Flow<OrderPlaced> {
  const flow = invoicing(sql, {
    orders: input,
    invoices: output,
    deadLetters: `${output}.DLQ`,
    now: () => new Date(),
  });
  return { ...flow, name, groupId: namesIn().group(name) };
}
