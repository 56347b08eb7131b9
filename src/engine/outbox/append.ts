/** Publishes an event in the caller's transaction: a row in the outbox, or nothing. Never commits, never sends. */
import type { Emission } from "../core/emission.ts";
import { uuidv7 } from "../packages/uuid.ts";
import { inSchema } from "../postgres/schema_name.ts";
import { checkOutbox, type Outbox } from "./outbox.ts";
import type { PostgresTransaction } from "./postgres_driver.ts";
import { failedAppend } from "./refused_append.ts";
import { occurredAtHeader } from "./row_to_record.ts";

/** What is to be published, where no `topic()` makes it. */
export interface OutboxEvent {
  /** The topic; the relay waits, and says so, where there is none of that name. */
  readonly topic: string;
  /** Orders the event among others of the same key; the partition is chosen by it. */
  readonly key: string;
  /** What kind of event it is, such as `ParcelPacked`: the record's header `event_type`. */
  readonly type: string;
  /** The exact bytes that will be on the topic; text becomes UTF-8. Null is a tombstone: a compacted topic forgets the key. */
  readonly value: Uint8Array | string | null;
  /** More headers, as text and in order; names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** A UUID, unique for ever: publishing it twice is an error. The header `event_id`; made here (version 7) where absent. */
  readonly eventId?: string;
  /**
   * When it happened: the headers `occurred_at` and `ce_time`, ISO 8601 in UTC. The record's own timestamp is when it was
   * published, and `ce_time` when it was appended where this is absent.
   */
  readonly occurredAt?: Date;
}

/** What became of it. */
export interface Appended {
  /** The id under which it is published. */
  readonly eventId: string;
  /** Its place in the outbox; events are published in this order, key by key. Gaps mean nothing. */
  readonly position: number;
}

const idHeader = "event_id";
const typeHeader = "event_type";
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Appends an event to an outbox in a transaction of postgres.js, of whatever version: it is published once that commits, and
 * never if it does not.
 *
 * Call it **after** the aggregate's row was locked or inserted in the same transaction: then two transactions on one
 * key take their positions in the order in which they commit. Appending before the lock breaks the order of that key.
 *
 * ```ts ignore
 * await sql.begin(async (tx) => {
 *   await tx`insert into parcels (id, items) values (${id}, ${items})`;
 *   await append(tx, parcels.event({ parcel_id: id, items }, { headers: { event_type: "ParcelPacked" } }));
 * });
 * ```
 *
 * What `parcels.event()` or `parcels.tombstone()` makes is taken with its headers; those named `event_id` and `event_type` are the event's id and type.
 * Without them the id is made here and the type is the topic's name. Its timestamp becomes `occurred_at`.
 *
 * @throws {TypeError} before anything is sent: an id that is no UUID, a key or header that is no text, an emission without
 * key, or with a partition of its own: the relay takes the key's
 * @throws {EventTooLargeError} when it is larger than the outbox takes (900,000 bytes unless set otherwise)
 * @throws {EventRefusedError} when it can never be published for another reason
 * @throws {DuplicateEventError} when an event of that id is in the outbox
 * @throws {SequenceSetBackError} when the outbox's sequence was set back, with the statement that mends it
 * @throws {OutboxMissingError} when there is no outbox there
 */
export async function append(
  tx: PostgresTransaction,
  event: OutboxEvent | Emission,
  outbox: Pick<Outbox, "schema"> = {},
): Promise<Appended> {
  checkOutbox(outbox);
  const { topic, key, value, headers, eventId, type } = "type" in event
    ? ofEvent(event)
    : ofEmission(event);
  if (!uuidPattern.test(eventId)) throw refusal(topic, `its id ${eventId} is no UUID`);
  const statement = `select ${inSchema(outbox.schema)}outbox_append(
    null, $1, $2, $3, $4::text::jsonb, $5::text::uuid, $6)::text as position`;
  const parameters = [topic, key, value, JSON.stringify(headers), eventId, type];
  try {
    const [row] = await tx.unsafe(statement, parameters, { prepare: true });
    return { eventId, position: Number(row?.position) };
  } catch (error) {
    throw failedAppend(error);
  }
}

/** As `outbox_append` takes it. */
interface Row {
  readonly topic: string;
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly eventId: string;
  readonly type: string;
}

function ofEvent(event: OutboxEvent): Row {
  const { topic, key, type, value, headers = [], eventId = uuidv7(), occurredAt } = event;
  const time = occurredAt && [[occurredAtHeader, occurredAt.toISOString()]] as const;
  return {
    ...{ topic, key, type, eventId, headers: [...headers, ...time ?? []] },
    value: typeof value === "string" ? encoder.encode(value) : value,
  };
}

function ofEmission(emission: Emission): Row {
  const { topic, key, value, headers, partition, timestamp } = emission;
  if (key === null) {
    throw refusal(topic, "it has no key, and the outbox keeps events in order by key");
  }
  if (partition !== undefined) {
    throw refusal(topic, "it names a partition, and the relay takes the key's");
  }
  const texts = headers.map(([name, bytes]) =>
    [name, textOf(topic, `header ${name}`, bytes)] as const
  );
  const last = (wanted: string) => texts.findLast(([name]) => name === wanted)?.[1];
  return ofEvent({
    ...{ topic, value, eventId: last(idHeader), type: last(typeHeader) ?? topic },
    headers: texts.filter(([name]) => name !== idHeader && name !== typeHeader),
    key: typeof key === "string" ? key : textOf(topic, "key", key),
    occurredAt: timestamp === undefined ? undefined : new Date(timestamp),
  });
}

function textOf(topic: string, what: string, bytes: Uint8Array | null): string {
  try {
    if (bytes !== null) return decoder.decode(bytes);
  } catch {
    // No text: said below.
  }
  throw refusal(topic, `its ${what} is no text in UTF-8, and the outbox keeps text`);
}

function refusal(topic: string, reason: string): TypeError {
  return new TypeError(`Cannot append an event to ${topic}: ${reason}`);
}
