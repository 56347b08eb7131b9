/** A topic with the shape of its events: decoding is lenient, encoding is strict. */
import { decodeEvent, type EventReading, type EventSchema } from "./decode_event.ts";
import { EventJson } from "./event_json.ts";
import type { RecordContent } from "./json_text.ts";
import { type Header, textHeader } from "./record.ts";

/** An event that a transform wants to have written; it becomes a record once the partition is known. */
export interface Emission {
  /** Where to. */
  readonly topic: string;
  /** Chooses the partition; events of one key keep their order. */
  readonly key: string;
  /** The value, JSON. */
  readonly value: string;
  /** In order; names may repeat. */
  readonly headers: readonly Header[];
}

/** A topic and its events of type `T`. */
export interface TopicContract<T> {
  /** The topic's name. */
  readonly name: string;
  /** Reads a record's value: JSON in UTF-8, the schema, the key where it counts. Throws {@linkcode PoisonError}. */
  decode(record: RecordContent): T;
  /** Checks the event against the strict schema and makes it ready to be written. Throws a ZodError. */
  event(event: T, headers?: Readonly<Record<string, string>>): Emission;
}

/** How a topic reads, writes and keys its events. */
export interface TopicContractOptions<T> extends EventReading<T> {
  /** For writing; what it refuses is a bug of the writer. The reading schema where absent. */
  readonly write?: EventSchema<T>;
  /** The record's key: events of one key keep their order. */
  readonly key: (event: T) => string;
}

/** Declares a topic. */
export function topic<T>(
  name: string,
  { read, write = read, key, checkKey }: TopicContractOptions<T>,
): TopicContract<T> {
  const json = new EventJson();
  const reading: EventReading<T> = { read, key, checkKey };
  return {
    name,
    decode(record) {
      const event = decodeEvent(record, reading);
      lastRead = event;
      return event;
    },
    event(event, headers) {
      const value = json.stringify(write.parse(event), lastRead);
      return { topic: name, key: key(event), value, headers: headersOf(headers) };
    },
  };
}

/** What a synchronous transform is working on: most of what it writes comes from there. A hint for speed, no more. */
let lastRead: unknown;

const noHeaders: readonly Header[] = [];

function headersOf(headers: Readonly<Record<string, string>> | undefined): readonly Header[] {
  if (headers === undefined) return noHeaders;
  return Object.entries(headers).map(([name, text]) => textHeader(name, text));
}
