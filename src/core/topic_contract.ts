/** A topic with the shape of its events: decoding is lenient, encoding is strict. */
import { PoisonError } from "./errors.ts";
import { EventJson } from "./event_json.ts";
import { type Header, type InputRecord, textHeader } from "./record.ts";

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
  /** Reads a record's value: JSON in UTF-8, then the schema. Throws {@linkcode PoisonError}. */
  decode(record: InputRecord): T;
  /** Checks the event against the strict schema and makes it ready to be written. Throws a ZodError. */
  event(event: T, headers?: Readonly<Record<string, string>>): Emission;
}

/** What a zod schema of `T` offers, as far as it is used here. */
export interface EventSchema<T> {
  /** Answers with the event, or throws. */
  parse(value: unknown): T;
  /** Answers with the event, or with what is wrong. */
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: SchemaError };
}

/** What is wrong with a value, field by field. */
export interface SchemaError {
  /** One for each field. */
  readonly issues: readonly {
    readonly path: readonly PropertyKey[];
    readonly message: string;
  }[];
}

/** How a topic reads, writes and keys its events. */
export interface TopicContractOptions<T> {
  /** For reading: unknown fields pass, missing ones take their defaults. */
  readonly read: EventSchema<T>;
  /** For writing; what it refuses is a bug of the writer. The reading schema where absent. */
  readonly write?: EventSchema<T>;
  /** The record's key: events of one key keep their order. */
  readonly key: (event: T) => string;
}

/** Declares a topic. */
export function topic<T>(
  name: string,
  { read, write = read, key }: TopicContractOptions<T>,
): TopicContract<T> {
  const json = new EventJson();
  return {
    name,
    decode(record) {
      const event = decodeJson(record, read);
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

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Records that can decode their text faster than a TextDecoder (the Kafka room's are); broken UTF-8 becomes U+FFFD. */
interface TextRecord {
  valueText?(): string | null;
}

function decodeJson<T>(record: InputRecord & TextRecord, schema: EventSchema<T>): T {
  const parsed = schema.safeParse(parseJson(record));
  if (parsed.success) return parsed.data;
  throw new PoisonError(`the value does not fit the schema: ${issuesOf(parsed.error)}`);
}

function parseJson(record: InputRecord & TextRecord): unknown {
  try {
    return JSON.parse(textOf(record));
  } catch (error) {
    if (error instanceof PoisonError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new PoisonError(`the value is not JSON in UTF-8: ${message}`, { cause: error });
  }
}

/** @throws {TypeError} where the bytes are not UTF-8 */
function textOf(record: InputRecord & TextRecord): string {
  const text = record.valueText?.();
  // One that was there from the start looks like one that stands for broken bytes: only the bytes tell.
  if (typeof text === "string" && !text.includes("\ufffd")) return text;
  const { value } = record;
  if (value === null) throw new PoisonError("the value is null (a tombstone), not an event");
  return utf8.decode(value);
}

function issuesOf(error: SchemaError): string {
  return error.issues.map(({ path, message }) => `${path.join(".") || "(root)"}: ${message}`)
    .join("; ");
}
