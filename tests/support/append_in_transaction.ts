/** Appends an event as `append` does, but to a shard that the test names: also where no number of shards was agreed on. */
import type { Queryable, Tx } from "../../src/engine/postgres/database.ts";
import { refusedAppend } from "../../src/engine/outbox/refused_append.ts";
import { shardOf } from "../../src/engine/outbox/shard_of.ts";

/** What is to be published. */
export interface OutboxEvent {
  readonly topic: string;
  /** Orders the event among others of the same key; the partition is chosen by it. */
  readonly key: string;
  /** The exact bytes that will be on the topic. */
  readonly value: Uint8Array;
  /** Text headers in order; names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** A UUID, unique for ever: publishing it twice is an error. */
  readonly eventId: string;
  readonly eventType: string;
}

/**
 * Appends the event and returns its position.
 *
 * @throws {PoisonError} when the event can never be published: larger than the outbox takes, or in another shard
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
