/** Makes an event of a record: its JSON, the schema, and its key where that is part of the contract. Throws nothing else. */
import { PoisonError } from "./errors.ts";
import { parseJsonValue, type RecordContent } from "./json_text.ts";
import { equalsText } from "./record.ts";

/** What a zod schema of `T` offers, as far as it is used here. Other libraries' schemas come as a {@linkcode StandardSchema}. */
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

/** What makes a record an event. */
export interface EventReading<T> {
  /** Unknown fields pass, missing ones take their defaults. */
  readonly read: EventSchema<T>;
  /** The key that an event has. */
  readonly key: (event: T) => string;
  /**
   * Refuses a record whose key is another one than its event has: it lies in a partition where its order among the events
   * of that key is not kept. Off where absent: other producers may have keys of their own.
   */
  readonly checkKey?: boolean;
}

/** The event in a record. Throws {@linkcode PoisonError} saying what is wrong with it. */
export function decodeEvent<T>(record: RecordContent, reading: EventReading<T>): T {
  const parsed = reading.read.safeParse(parseJsonValue(record));
  if (!parsed.success) {
    throw new PoisonError(`the value does not fit the schema: ${issuesOf(parsed.error)}`);
  }
  if (reading.checkKey) checkKey(record, reading.key(parsed.data));
  return parsed.data;
}

/** Throws {@linkcode PoisonError} where the record's key is not the one that its event has. */
export function checkKey({ key }: RecordContent, expected: string): void {
  if (key !== null && equalsText(key, expected)) return;
  throw new PoisonError(
    `the record's key must be ${JSON.stringify(expected)}, as its value says; it ${
      key === null ? "has none" : `is ${shownKey(key)}`
    }`,
  );
}

const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const keyBytesShownMax = 256;

function shownKey(key: Uint8Array): string {
  const text = JSON.stringify(lenient.decode(key.subarray(0, keyBytesShownMax)));
  return key.length > keyBytesShownMax
    ? `${text} and ${key.length - keyBytesShownMax} bytes`
    : text;
}

/** What is wrong with a value, in one line: each field with its reason. */
export function issuesOf(error: SchemaError): string {
  return error.issues.map(({ path, message }) => `${path.join(".") || "(root)"}: ${message}`)
    .join("; ");
}
