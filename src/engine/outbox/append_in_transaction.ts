/** Announces an event in the caller's transaction: a row in the outbox, or nothing. Never commits, never sends. */
import type { Queryable, Tx } from "../postgres/database.ts";
import { refusedAppend } from "./refused_append.ts";
import { shardOf } from "./shard_of.ts";

/** What is to be announced. */
export interface OutboxEvent {
  readonly topic: string;
  /** Orders the event among others of the same key; the partition is chosen by it. */
  readonly key: string;
  /** The exact bytes that will be on the topic. */
  readonly value: Uint8Array;
  /** Text headers in order; names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** A UUID, unique for ever: announcing it twice is an error. */
  readonly eventId: string;
  readonly eventType: string;
}

/**
 * Appends the event and returns its position.
 *
 * Call it **after** the aggregate's row was locked or inserted in the same transaction: then two transactions on one
 * key take their positions in the order in which they commit. Appending before the lock breaks the order of that key.
 *
 * @throws {PoisonError} when the event can never be announced: larger than the outbox takes, or in another shard
 * @throws {DependencyDownError} when the outbox's sequence was set back, with the statement that mends it
 */
export async function appendInTransaction(
  tx: Tx,
  event: OutboxEvent,
  options: { readonly shards: number },
): Promise<number> {
  const [row] = await appendStatement(tx, event, options.shards).catch((error: unknown) => {
    throw refusedAppend(error);
  });
  if (row === undefined) throw new Error("outbox_append returned no row");
  return row.position;
}

function appendStatement(tx: Queryable, event: OutboxEvent, shards: number) {
  return tx<{ position: number }[]>`
    select outbox_append(
      ${shardOf(event.key, shards)}, ${event.topic}, ${event.key}, ${event.value},
      ${JSON.stringify(event.headers ?? [])}::text::jsonb, ${event.eventId}, ${event.eventType}
    ) as position
  `;
}
