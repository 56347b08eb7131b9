/** Topics whose values are bytes or text and have no schema. */
import type { Serde } from "./serde.ts";
import { topic, type TopicContract } from "./topic_contract.ts";

/** How such a topic keys what is written to it. */
export interface PlainTopicOptions<T> {
  /** The record's key. Where absent an event has none, unless `event(value, { key })` names it. */
  readonly key?: (value: T) => string;
}

const bytesSerde: Serde<Uint8Array> = { decode: (bytes) => bytes, encode: (bytes) => bytes };

// Letter for letter, a byte order mark included: what is read and written again must be the same.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const textSerde: Serde<string> = {
  decode: (bytes) => utf8.decode(bytes),
  encode: (text) => encoder.encode(text),
};

/**
 * Declares a topic whose values are bytes, read and written as they are. What is read is a view into what was fetched: copy
 * it (`bytes.slice()`) where it is kept beyond the transform. A tombstone is a dead letter.
 *
 * @example
 * ```ts ignore
 * const images = bytesTopic("images");
 * transform: (bytes, { key }) => images.event(shrink(bytes), { key });
 * ```
 */
export function bytesTopic(
  name: string,
  { key }: PlainTopicOptions<Uint8Array> = {},
): TopicContract<Uint8Array> {
  return topic(name, { serde: bytesSerde, key });
}

/** Declares a topic whose values are text in UTF-8; bytes that are none, and tombstones, are dead letters. */
export function textTopic(
  name: string,
  { key }: PlainTopicOptions<string> = {},
): TopicContract<string> {
  return topic(name, { serde: textSerde, key });
}
