/** Places an order: its row, its publication and the answer to its request, in one transaction or not at all. */
import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { EventTooLargeError, refusedAppend } from "../../engine/outbox/mod.ts";
import { shardOf } from "../../engine/outbox/shard_of.ts";
import type { Queryable, Sql, Tx } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import {
  encodeOrderPlaced,
  type OrderPlaced,
  orderPlacedType,
  orderPlacedVersion,
} from "./events.ts";

/** What a customer wants, already validated (`orderRequest` at the HTTP edge). */
export interface PlaceOrder {
  /** Chosen by the client, or made here. */
  readonly orderId?: string;
  readonly userId: string;
  /** Positive decimal text, net of tax. */
  readonly amount: string;
  readonly currency: string;
  readonly channel?: string;
}

/** Where orders are published, and what time it is. */
export interface PlaceOrderOptions {
  readonly topic: string;
  readonly shards: number;
  readonly now: () => Date;
  /** At most 255 characters, no space. The same key and request give the same answer, however often they come. */
  readonly idempotencyKey?: string;
  /** What the publication carries beside its id and type: the trace of the request. */
  readonly headers?: readonly (readonly [name: string, text: string])[];
  /** Whose key it is: the same key of another client is another key. Default: that of `API_TOKEN`, and of all without one. */
  readonly client?: string;
}

/** A placed order as it is answered: `POST /orders` sends exactly this. */
export interface PlacedOrder {
  readonly order_id: string;
  readonly user_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: "placed";
  readonly placed_at: string;
}

/** How it went. `response` is JSON text of a {@linkcode PlacedOrder}, to be sent byte for byte. */
export type PlaceOrderOutcome =
  | {
    readonly kind: "placed";
    readonly orderId: string;
    readonly response: string;
    /** Of its publication. */
    readonly eventId: string;
  }
  /** The key was used before with the same request: this is the answer that was given then. */
  | { readonly kind: "replayed"; readonly orderId: string; readonly response: string }
  /** The key was used before with another request. Nothing was written. */
  | { readonly kind: "key_conflict" }
  /** There is an order of that id. Nothing was written. */
  | { readonly kind: "duplicate_order"; readonly orderId: string }
  /** Its publication is larger than the outbox takes. Nothing was written. */
  | { readonly kind: "too_large" };

/**
 * Places an order in a transaction of its own, which is a single statement. Once this resolves the order is durable.
 *
 * The outbox's `append` would do the same in a transaction of four statements (begin, the row, the event, commit): four round
 * trips in the place of one, during which a transaction is open and holds back whoever relays. So `place_order` calls
 * `outbox_append` in the database, with the shard, which is one lookup less there.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached; if it went away in the middle the outcome is unknown,
 * and a retry with the same idempotency key is safe
 */
export async function placeOrder(
  sql: Sql,
  order: PlaceOrder,
  options: PlaceOrderOptions,
): Promise<PlaceOrderOutcome> {
  try {
    return await translatingErrors(() => write(sql, order, options));
  } catch (error) {
    if (error instanceof EventTooLargeError) return { kind: "too_large" };
    throw error;
  }
}

/** As {@linkcode placeOrder}, as part of the caller's transaction, which what is too large ends with an error. */
export async function placeOrderInTransaction(
  tx: Tx,
  order: PlaceOrder,
  options: PlaceOrderOptions,
): Promise<PlaceOrderOutcome> {
  return await write(tx, order, options);
}

async function write(
  sql: Queryable,
  order: PlaceOrder,
  options: PlaceOrderOptions,
): Promise<PlaceOrderOutcome> {
  const event = placed(order, options.now());
  const answer = answerFor(event);
  const key = storedKey(options);
  const [row] = await sql<{ outcome: string; order_id: string; response: string }[]>`
    select outcome, order_id, response from place_order(
      ${key}, ${key === null ? null : requestHash(order)}, ${JSON.stringify(answer)},
      ${event.order_id}, ${event.user_id}, ${event.amount}, ${event.currency}, ${event.channel},
      ${event.occurred_at}, ${shardOf(event.order_id, options.shards)}, ${options.topic},
      ${encodeOrderPlaced(event)}, ${event.event_id}, ${orderPlacedType},
      ${JSON.stringify(options.headers ?? [])}::text::jsonb
    )
  `.catch((error: unknown) => {
    throw refusedAppend(error);
  });
  return outcomeOf(row, event.event_id);
}

/**
 * Keys of named clients stand behind the name. Those of `API_TOKEN` and of requests without a token stand alone, as all did
 * before clients had names: a request that is repeated across that change still finds its answer.
 */
function storedKey({ idempotencyKey, client }: PlaceOrderOptions): string | null {
  if (idempotencyKey === undefined) return null;
  return client ? `${client} ${idempotencyKey}` : idempotencyKey;
}

function placed(order: PlaceOrder, now: Date): OrderPlaced {
  return {
    event_id: uuidv7(),
    order_id: order.orderId ?? uuidv7(),
    user_id: order.userId,
    amount: order.amount,
    currency: order.currency,
    occurred_at: now.toISOString(),
    channel: order.channel ?? "web",
    schema_version: orderPlacedVersion,
  };
}

function answerFor(event: OrderPlaced): PlacedOrder {
  return {
    order_id: event.order_id,
    user_id: event.user_id,
    amount: event.amount,
    currency: event.currency,
    status: "placed",
    placed_at: event.occurred_at,
  };
}

/** Over what was asked, defaults filled in: the order of JSON fields and white space do not matter, values do. */
function requestHash(order: PlaceOrder): Uint8Array {
  const asked = [
    order.orderId ?? null,
    order.userId,
    order.amount,
    order.currency,
    order.channel ?? null,
  ];
  return createHash("sha256").update(JSON.stringify(asked)).digest();
}

function outcomeOf(
  row: { outcome: string; order_id: string; response: string } | undefined,
  eventId: string,
): PlaceOrderOutcome {
  switch (row?.outcome) {
    case "placed":
      return { kind: "placed", orderId: row.order_id, response: row.response, eventId };
    case "replayed":
      return { kind: "replayed", orderId: row.order_id, response: row.response };
    case "key_conflict":
      return { kind: "key_conflict" };
    case "duplicate_order":
      return { kind: "duplicate_order", orderId: row.order_id };
    default:
      throw new Error(`place_order answered ${row?.outcome ?? "nothing"}, which it never does`);
  }
}
