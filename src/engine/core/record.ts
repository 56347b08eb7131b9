/** The records that flow through the engine: what was read, and what is to be written. Owns no I/O. */
import { Buffer } from "node:buffer";

/** One partition of one topic. */
export interface TopicPartition {
  /** The topic's name. */
  readonly topic: string;
  /** From 0. */
  readonly partition: number;
}

/**
 * A header as Kafka stores it: names may repeat and their order is kept, so headers are a list and not a map. Where the
 * name was read and is not UTF-8, its bytes stand behind the value and are what is written again.
 */
export type Header = readonly [name: string, value: Uint8Array | null, nameBytes?: Uint8Array];

/** Records that were not unpacked: their batch would be larger than may be held, or does not unpack. */
export interface UnreadRecords {
  /** The last offset of the batch. */
  readonly lastOffset: number;
  /** How many records there are, as the batch says. */
  readonly records: number;
  /** The bytes of the batch as it lies in the log. */
  readonly batchBytes: number;
  /** Why, in words. */
  readonly reason: string;
}

/**
 * A record as it was read, bytes untouched.
 *
 * Offsets are JavaScript numbers: Kafka's are int64, and a partition would need 2^53 records before they differ;
 * the decoder refuses anything beyond that.
 */
export interface InputRecord extends TopicPartition {
  /** Its place in the partition. */
  readonly offset: number;
  /** Milliseconds since the epoch, as the broker gave it. */
  readonly timestamp: number;
  /** The key's bytes. */
  readonly key: Uint8Array | null;
  /** The value's bytes; null is a tombstone. */
  readonly value: Uint8Array | null;
  /** In order; names may repeat. */
  readonly headers: readonly Header[];
  /** Set where this stands for records that were not unpacked: key and value are null then. */
  readonly unread?: UnreadRecords;
  /** What `headers` says of the last header of this name, without making the others; undefined where there is none. */
  lastHeaderValue?(nameBytes: Uint8Array): Uint8Array | null | undefined;
}

/** A record to be written. The partition is always set by us, never by the client. */
export interface OutputRecord extends TopicPartition {
  /** Text is written as UTF-8 straight into the batch: a tenth of the cost of making bytes of it first. */
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: readonly Header[];
  /** Milliseconds since the epoch; the time of sending where absent. */
  readonly timestamp?: number;
}

/** The bytes that a record occupies in a batch, near enough to bound a request: key, value, headers, and framing. */
export function encodedBytes(record: Pick<OutputRecord, "key" | "value" | "headers">): number {
  return framingBytes(record) + byteLength(record.key) + byteLength(record.value);
}

/** At least {@linkcode encodedBytes}, without looking at the text: UTF-8 has at most three bytes a UTF-16 unit. */
export function encodedBytesMax(record: Pick<OutputRecord, "key" | "value" | "headers">): number {
  return framingBytes(record) + 3 * ((record.key?.length ?? 0) + (record.value?.length ?? 0));
}

/** {@linkcode encodedBytesMax} of many. */
export function encodedBytesMaxOfAll(records: readonly OutputRecord[]): number {
  let bytes = 0;
  for (const record of records) bytes += encodedBytesMax(record);
  return bytes;
}

/** {@linkcode encodedBytes} of many, measured at once: a look at each text costs ten times as much. */
export function encodedBytesOfAll(
  records: readonly Pick<OutputRecord, "key" | "value" | "headers">[],
): number {
  let bytes = 0;
  let text = "";
  for (const record of records) {
    bytes += framingBytes(record);
    for (const field of [record.key, record.value]) {
      if (typeof field === "string") text += field;
      else bytes += field?.length ?? 0;
    }
  }
  return bytes + Buffer.byteLength(text);
}

function framingBytes({ headers }: Pick<OutputRecord, "headers">): number {
  let bytes = 70;
  // By index: it is asked several times for each record that has headers.
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i];
    if (header) bytes += 10 + header[0].length * 3 + (header[1]?.length ?? 0);
  }
  return bytes;
}

function byteLength(field: Uint8Array | string | null): number {
  return typeof field === "string" ? Buffer.byteLength(field) : field?.length ?? 0;
}

/** Whether these bytes are this text in UTF-8. */
export function equalsText(bytes: Uint8Array, text: string): boolean {
  // Letter by letter as long as both are ASCII, which nearly all keys are: no copy is made then.
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return equalBytes(bytes, encoder.encode(text));
    if (bytes[i] !== unit) return false;
  }
  return bytes.length === text.length;
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** `orders-3`, as Kafka's own tools write it. */
export function formatPartition({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A header with a text value. */
export function textHeader(name: string, value: string): Header {
  return [name, encoder.encode(value)];
}

/** The text of the last header of that name, as Kafka's `lastHeader` does; undefined where there is none. */
export function headerText(headers: readonly Header[], name: string): string | undefined {
  for (let i = headers.length - 1; i >= 0; i--) {
    const header = headers[i];
    if (header?.[0] === name && header[1] !== null) return decoder.decode(header[1]);
  }
}
