/** Makes a dead letter: the original bytes, and beside them where they came from and why they failed. */
import { type Header, type InputRecord, type OutputRecord, textHeader } from "./record.ts";

/** Why a record became a dead letter. */
export interface DeadLetterReason {
  /** The class of the failure, such as `PoisonError`. */
  readonly errorClass: string;
  readonly error: string;
  /** How many times it was tried. */
  readonly attempts: number;
  readonly groupId: string;
}

/** A record for the dead-letter topic; key and value are the original's bytes. */
export type DeadLetter = OutputRecord & Pick<InputRecord, "key" | "value">;

const errorCharactersMax = 1_000;

/**
 * A record for the dead-letter topic: key, value and headers of the original untouched, then `x-*` facts as text, then
 * the same facts under the names and encodings of Spring Kafka's `DeadLetterPublishingRecoverer` (numbers big-endian).
 */
export function deadLetter(
  record: InputRecord,
  reason: DeadLetterReason,
  destination: { readonly topic: string; readonly partitionCount: number },
): DeadLetter {
  const error = reason.error.slice(0, errorCharactersMax);
  const facts: Header[] = [
    textHeader("x-original-topic", record.topic),
    textHeader("x-original-partition", String(record.partition)),
    textHeader("x-original-offset", String(record.offset)),
    textHeader("x-original-timestamp", String(record.timestamp)),
    textHeader("x-error", error),
    textHeader("x-error-class", reason.errorClass),
    textHeader("x-attempts", String(reason.attempts)),
    textHeader("x-consumer-group", reason.groupId),
    textHeader("kafka_dlt-original-topic", record.topic),
    ["kafka_dlt-original-partition", int32(record.partition)],
    ["kafka_dlt-original-offset", int64(record.offset)],
    ["kafka_dlt-original-timestamp", int64(record.timestamp)],
    textHeader("kafka_dlt-exception-message", error),
    textHeader("kafka_dlt-exception-fqcn", reason.errorClass),
    textHeader("kafka_dlt-original-consumer-group", reason.groupId),
  ];
  return {
    topic: destination.topic,
    // The original's partition, so that dead letters of one key stay in order among themselves.
    partition: record.partition % destination.partitionCount,
    key: record.key,
    value: record.value,
    headers: [...record.headers, ...facts],
  };
}

/** Whether a header was added by {@linkcode deadLetter}: a redrive takes these off again. */
export function isDeadLetterHeader([name]: Header): boolean {
  return factNames.has(name) || name.startsWith("kafka_dlt-");
}

const factNames = new Set([
  "x-original-topic",
  "x-original-partition",
  "x-original-offset",
  "x-original-timestamp",
  "x-error",
  "x-error-class",
  "x-attempts",
  "x-consumer-group",
]);

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

function int64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value));
  return bytes;
}
