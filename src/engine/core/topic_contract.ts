/** A topic with the shape of its events: decoding is lenient, encoding is strict. */
import { checkKey, decodeEvent, type EventReading, type EventSchema } from "./decode_event.ts";
import { type Emission, emissionOf, type EmissionOptions } from "./emission.ts";
import { EventJson } from "./event_json.ts";
import { parseJsonValue, type RecordContent } from "./json_text.ts";
import { decodeWith, encodeWith, orPoison, type Serde } from "./serde.ts";
import { type PersonalData, type Redaction, redaction } from "./personal.ts";
import { eventSchema, type StandardSchema } from "./standard_schema.ts";

/** A topic and its events of type `T`. */
export interface TopicContract<T> {
  /** The topic's name. */
  readonly name: string;
  /**
   * Reads a record's value, by its schema or serde, and its key where it counts. Throws {@linkcode PoisonError} where there
   * is no event in it.
   */
  decode(record: RecordContent): T;
  /**
   * Makes an event ready to be written: JSON that the strict schema takes, or what the serde makes of it. Throws what the
   * schema or the serde throws, and a RangeError for a partition or timestamp that is no whole number from 0 on.
   */
  event(event: T, options?: EmissionOptions): Emission;
  /** A record with this key and no value: a compacted topic forgets the key. */
  tombstone(
    key: string | Uint8Array,
    options?: Omit<EmissionOptions, "key">,
  ): Emission;
  /** A text about a record without what is personal in that; absent where nothing was said to be. */
  readonly redact?: Redaction;
  /** Whether a record's key is personal. */
  hidesKey?(record: Pick<RecordContent, "topic">): boolean;
}

/** How a topic of JSON reads, writes and keys its events. */
export interface TopicContractOptions<T> extends Omit<EventReading<T>, "read"> {
  /** For reading: unknown fields pass, missing ones take their defaults. Of zod, or any Standard Schema v1. */
  readonly read: EventSchema<T> | StandardSchema<T>;
  /** For writing; what it refuses is a bug of the writer. The reading schema where absent. */
  readonly write?: EventSchema<T> | StandardSchema<T>;
  /** The record's key: events of one key keep their order. */
  readonly key: (event: T) => string;
  /** The event that a record without a value stands for; it is a dead letter where absent. */
  readonly tombstone?: (key: Uint8Array | null) => T;
  /**
   * What in its records is personal data: dead letters' error texts, logs and traces do not quote it. The dead letter itself
   * keeps the record's bytes.
   */
  readonly personal?: PersonalData<NoInfer<T>>;
}

/** How a topic of other values reads, writes and keys its events. */
export interface SerdeTopicOptions<T> {
  /** Reads and writes the values. */
  readonly serde: Serde<T>;
  /** The record's key. Where absent an event has none, unless `event(value, { key })` names it. */
  readonly key?: (event: T) => string;
  /** Refuses a record whose key is another one than its event has, as in {@linkcode EventReading}. */
  readonly checkKey?: boolean;
  /** The event that a record without a value stands for; it is a dead letter where absent. */
  readonly tombstone?: (key: Uint8Array | null) => T;
  /**
   * What in its records is personal data: dead letters' error texts, logs and traces do not quote it. The dead letter itself
   * keeps the record's bytes.
   */
  readonly personal?: PersonalData<NoInfer<T>>;
}

/**
 * Declares a topic of JSON with a schema.
 *
 * @throws {TypeError} when the schema is no Standard Schema v1, or validates asynchronously
 *
 * @example
 * ```ts ignore
 * const orders = topic("orders", {
 *   read: z.object({ order_id: z.string() }),
 *   key: ({ order_id }) => order_id,
 * });
 * ```
 */
export function topic<T>(name: string, options: TopicContractOptions<T>): TopicContract<T>;
/** Declares a topic of other values: Avro, Protobuf, or whatever {@linkcode Serde} is given. */
export function topic<T>(name: string, options: SerdeTopicOptions<T>): TopicContract<T>;
export function topic<T>(
  name: string,
  options: TopicContractOptions<T> | SerdeTopicOptions<T>,
): TopicContract<T> {
  const { decode, valueOf, read } = "serde" in options
    ? ofSerde(name, options)
    : ofSchema(name, options);
  const { key, tombstone, personal } = options;
  return {
    name,
    decode: tombstone === undefined
      ? decode
      : (record) => record.value === null ? orPoison(() => tombstone(record.key)) : decode(record),
    event(event, emission) {
      const value = valueOf(event);
      return emissionOf(name, key === undefined ? null : key(event), value, emission);
    },
    tombstone: (key, emission) => emissionOf(name, key, null, emission),
    ...personal && {
      redact: redaction(name, personal, read),
      hidesKey: () => personal.key ?? false,
    },
  };
}

/** The two halves of a contract. */
interface Values<T> {
  decode(record: RecordContent): T;
  valueOf(event: T): string | Uint8Array;
  /** The value as it is, whether it fits the schema or not. */
  read(record: RecordContent): unknown;
}

function ofSchema<T>(
  name: string,
  { read, write = read, key, checkKey }: TopicContractOptions<T>,
): Values<T> {
  const json = new EventJson();
  const reading: EventReading<T> = { read: eventSchema(name, read), key, checkKey };
  const strict = eventSchema(name, write);
  return {
    decode(record) {
      const event = decodeEvent(record, reading);
      lastRead = event;
      return event;
    },
    valueOf: (event) => json.stringify(strict.parse(event), lastRead),
    read: parseJsonValue,
  };
}

function ofSerde<T>(name: string, options: SerdeTopicOptions<T>): Values<T> {
  const { serde, key, checkKey: checks = false } = options;
  if (checks && key === undefined) {
    throw new TypeError(
      `Cannot check the keys of topic ${name}: say with "key" which an event has`,
    );
  }
  return {
    decode(record) {
      const event = decodeWith(serde, name, record);
      if (checks && key !== undefined) checkKey(record, key(event));
      return event;
    },
    valueOf: (event) => encodeWith(serde, name, event),
    read: (record) => decodeWith(serde, name, record),
  };
}

/** What a synchronous transform is working on: most of what it writes comes from there. A hint for speed, no more. */
let lastRead: unknown;
