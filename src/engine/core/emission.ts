/** What a transform wants to have written. It becomes a record once the partitions of its topic are known. */
import { type Header, textHeader } from "./record.ts";

/** A record to be written, made by a topic's `event` or `tombstone`. */
export interface Emission {
  /** Where to. */
  readonly topic: string;
  /** Chooses the partition; records of one key keep their order. Text is written as UTF-8. */
  readonly key: string | Uint8Array | null;
  /** Text is written as UTF-8; null is a tombstone. */
  readonly value: string | Uint8Array | null;
  /** In order; names may repeat. */
  readonly headers: readonly Header[];
  /** The partition, from 0; the key's where absent. */
  readonly partition?: number;
  /** Milliseconds since the epoch; the time of sending where absent. */
  readonly timestamp?: number;
}

/** What may be said of an emission beside its event. */
export interface EmissionOptions {
  /** The record's key in the place of the one that its topic gives; null for none, which makes a dead letter where the topic is compacted. */
  readonly key?: string | Uint8Array | null;
  /** By name, text as UTF-8; or a list, where names repeat. */
  readonly headers?: Readonly<Record<string, string | Uint8Array | null>> | readonly Header[];
  /**
   * The partition, from 0. Where absent it is the one that Kafka's Java client gives the key (murmur2); without a key the
   * number of the input's partition, modulo the partitions of the topic, so that the order of the input is kept. One that
   * the topic does not have makes the input a dead letter (`NoSuchPartitionError`).
   */
  readonly partition?: number;
  /**
   * When it happened, milliseconds since the epoch; the time of sending where absent. One that the topic does not take, since
   * it is further ahead of the present than `message.timestamp.after.max.ms` (an hour where nobody has changed it), makes
   * the input a dead letter (`InvalidTimestampError`).
   */
  readonly timestamp?: number | Date;
}

const noHeaders: readonly Header[] = [];

/**
 * The emission of these parts; `options.key` counts more than `key`.
 *
 * @throws {RangeError} when partition or timestamp is no whole number from 0 on
 */
export function emissionOf(
  topic: string,
  key: string | Uint8Array | null,
  value: string | Uint8Array | null,
  options?: EmissionOptions,
): Emission {
  // Always the same fields: it is made for each record.
  if (options === undefined) {
    return { topic, key, value, headers: noHeaders, partition: undefined, timestamp: undefined };
  }
  return {
    topic,
    key: options.key === undefined ? key : options.key,
    value,
    headers: headersOf(options.headers),
    partition: whole(topic, "partition", options.partition),
    timestamp: whole(topic, "timestamp", options.timestamp),
  };
}

function headersOf(headers: EmissionOptions["headers"]): readonly Header[] {
  if (headers === undefined) return noHeaders;
  if (isList(headers)) return headers;
  return Object.entries(headers).map(([name, value]) =>
    typeof value === "string" ? textHeader(name, value) : [name, value]
  );
}

function isList(headers: NonNullable<EmissionOptions["headers"]>): headers is readonly Header[] {
  return Array.isArray(headers);
}

function whole(topic: string, name: string, given?: number | Date): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(
    `Cannot emit to ${topic}: ${name} must be a whole number from 0 on, not ${value}`,
  );
}
