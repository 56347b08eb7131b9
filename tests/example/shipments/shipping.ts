/** The shop's events, and the flow that ships what is both paid and reserved, once, whichever comes first. */
import { defineFlow, keyedState, PoisonError, topic } from "@onceflow/onceflow";
import { z } from "zod";

/** Before all names: several stages share a cluster. */
const stage = Deno.env.get("STAGE") ?? "shop";

const orderId = z.string().min(1);
const key = ({ order_id }: { order_id: string }) => order_id;

/** Written by the till, through its outbox. */
export const payments = topic(`${stage}.payments`, {
  read: z.object({ order_id: orderId, cents: z.int().positive() }),
  key,
});
const reservation = z.object({
  order_id: orderId,
  sku: z.string(),
  items: z.int(),
});
/** Written by another team's program, which may write a reservation twice. */
export const reservations = topic(`${stage}.reservations`, {
  read: reservation,
  key,
});
export const shipments = topic(`${stage}.shipments`, {
  read: reservation.extend({ cents: z.int() }),
  key,
});

/** What is known of an order. */
const known = reservation.omit({ order_id: true }).partial().extend({
  cents: z.int().optional(),
  shipped: z.boolean().default(false),
});

export const shipping = defineFlow({
  name: "shipping",
  // Partition n of both goes to one worker, with the state of its keys.
  from: [payments, reservations],
  to: [shipments],
  deadLetters: `${stage}.unshipped`,
  state: keyedState({ read: known, retentionMs: 30 * 24 * 3_600_000 }),
  transform(event, { state }) {
    if ("items" in event && event.items < 1) {
      throw new PoisonError("nothing was reserved");
    }
    const before = state.get();
    if (before?.shipped) return; // paid or reserved again
    const { order_id, cents, sku, items } = { ...before, ...event };
    if (cents === undefined || sku === undefined || items === undefined) {
      return state.set({ cents, sku, items, shipped: false });
    }
    state.set({ shipped: true });
    return shipments.event({ order_id, sku, items, cents });
  },
});
