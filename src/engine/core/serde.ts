/** How the values of a topic that is not JSON are read and written. */
import { DependencyDownError, HaltError, PoisonError } from "./errors.ts";
import type { RecordContent } from "./json_text.ts";
import type { Header } from "./record.ts";

/** What a serde may know beside the value. */
export interface SerdeContext {
  /** The topic, by which a registry names its subjects (`<topic>-value`). */
  readonly topic: string;
  /** The record's headers; none when encoding. */
  readonly headers: readonly Header[];
}

/**
 * Reads and writes the values of a topic: what an Avro, Protobuf or JSON Schema registry client is put into.
 *
 * Both ways are synchronous, since they run for each record of a transaction that is being planned. A registry that is asked
 * over the network is warmed up: its client fetches the schemas of its topics in the flow's `onStart`, and keeps them. Where `decode`
 * meets a schema id that is not there yet, it starts the lookup and throws {@linkcode DependencyDownError}: the partition
 * waits and reads the record again (from 0.1 s on, at most `dependencyBackoffMsMax`), and no record is blamed. So it does
 * where `encode` throws that.
 */
export interface Serde<T> {
  /**
   * The event in a value's bytes. Whatever it throws makes a dead letter, as `PoisonError` does; only
   * {@linkcode DependencyDownError} and {@linkcode HaltError} keep their meaning. The bytes are a view into what was
   * fetched: copy what is kept.
   */
  decode(bytes: Uint8Array, context: SerdeContext): T;
  /** The value's bytes. What it throws is a failure of the transform that emits the event. */
  encode(event: T, context: SerdeContext): Uint8Array;
}

const noHeaders: readonly Header[] = [];

/** The event in a record. Throws {@linkcode PoisonError} saying what is wrong with it; a TypeError where the answer is a promise. */
export function decodeWith<T>(serde: Serde<T>, topic: string, record: RecordContent): T {
  const { value } = record;
  if (value === null) throw new PoisonError("the value is null (a tombstone), not an event");
  const context = { topic, headers: record.headers ?? noHeaders };
  return refusePromise(orPoison(() => serde.decode(value, context)), topic, "decode");
}

/** What `read` answers. What it throws is the record's fault, unless it says otherwise. */
export function orPoison<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (keepsItsMeaning(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new PoisonError(`the value cannot be decoded: ${message}`, { cause: error });
  }
}

/** The value of an event. Throws a TypeError where the answer is a promise. */
export function encodeWith<T>(serde: Serde<T>, topic: string, event: T): Uint8Array {
  return refusePromise(serde.encode(event, { topic, headers: noHeaders }), topic, "encode");
}

function keepsItsMeaning(error: unknown): boolean {
  return error instanceof PoisonError || error instanceof DependencyDownError ||
    error instanceof HaltError;
}

function refusePromise<V>(value: V, topic: string, step: string): V {
  if (!(value instanceof Promise)) return value;
  value.catch(() => {});
  throw new TypeError(
    `Cannot ${step} the values of ${topic}: the serde's ${step} answers with a promise. Fetch what it ` +
      `needs in onStart, or throw DependencyDownError until it is there`,
  );
}
