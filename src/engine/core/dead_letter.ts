/** Makes a dead letter: the original bytes, and beside them where they came from and why they failed. */
import { cutFactNames, fitDeadLetter } from "./fit_dead_letter.ts";
import {
  type Header,
  headerText,
  type InputRecord,
  type OutputRecord,
  textHeader,
  type UnreadRecords,
} from "./record.ts";

/** Why a record became a dead letter. */
export interface DeadLetterReason {
  /** The class of the failure, such as `PoisonError`. */
  readonly errorClass: string;
  /** What was wrong. */
  readonly error: string;
  /** How many times it was tried. */
  readonly attempts: number;
  /** The consumer group of the flow. */
  readonly groupId: string;
}

/** A record for the dead-letter topic; key and value are the original's bytes. */
export type DeadLetter = OutputRecord & Pick<InputRecord, "key" | "value">;

/** Where dead letters go. */
export interface DeadLetterDestination {
  readonly topic: string;
  readonly partitionCount: number;
  /** The largest record that the topic takes, bytes; what is over it is cut. */
  readonly recordBytesMax?: number;
}

const errorCharactersMax = 1_000;
const nameCharactersMax = 200;

/**
 * A record for the dead-letter topic: key, value and headers of the original untouched, then `x-*` facts as text, then
 * the same facts under the names and encodings of Spring Kafka's `DeadLetterPublishingRecoverer` (numbers big-endian).
 * What would be too large to be written is cut (`fit_dead_letter.ts`); of what could not be unpacked there is only the place.
 */
export function deadLetter(
  record: InputRecord,
  reason: DeadLetterReason,
  destination: DeadLetterDestination,
): DeadLetter {
  const { recordBytesMax = Infinity } = destination;
  // Where the limit is small, the origin comes first, and the error text has what is left.
  const error = reason.error.slice(
    0,
    Math.min(errorCharactersMax, Math.max(200, recordBytesMax / 16)),
  );
  const errorClass = reason.errorClass.slice(0, nameCharactersMax);
  const facts: Header[] = [
    textHeader("x-original-topic", record.topic),
    textHeader("x-original-partition", String(record.partition)),
    textHeader("x-original-offset", String(record.offset)),
    textHeader("x-original-timestamp", String(record.timestamp)),
    textHeader("x-error", error),
    textHeader("x-error-class", errorClass),
    textHeader("x-attempts", String(reason.attempts)),
    textHeader("x-consumer-group", reason.groupId),
    textHeader("kafka_dlt-original-topic", record.topic),
    ["kafka_dlt-original-partition", int32(record.partition)],
    ["kafka_dlt-original-offset", int64(record.offset)],
    ["kafka_dlt-original-timestamp", int64(record.timestamp)],
    textHeader("kafka_dlt-exception-message", error),
    textHeader("kafka_dlt-exception-fqcn", errorClass),
    textHeader("kafka_dlt-original-consumer-group", reason.groupId),
    ...referenceFacts(record.unread),
  ];
  return {
    topic: destination.topic,
    // The original's partition, so that dead letters of one key stay in order among themselves.
    partition: record.partition % destination.partitionCount,
    ...fitDeadLetter(record, facts, recordBytesMax),
  };
}

/** Whether a flow of another group gave the record up. A letter that names no group is everybody's. */
export function isOfAnotherGroup(
  { headers }: Pick<InputRecord, "headers">,
  groupId: string,
): boolean {
  const group = headerText(headers, "x-consumer-group");
  return group !== undefined && group !== groupId;
}

/** What stands in the place of the bytes of records that were not unpacked. */
function referenceFacts(unread: UnreadRecords | undefined): readonly Header[] {
  if (unread === undefined) return [];
  return [
    textHeader("x-original-last-offset", String(unread.lastOffset)),
    textHeader("x-original-records", String(unread.records)),
    textHeader("x-original-batch-bytes", String(unread.batchBytes)),
    textHeader("x-by-reference", "true"),
  ];
}

/** Whether a header was added by {@linkcode deadLetter}, or by another system in its place: a redrive takes these off again. */
export function isDeadLetterHeader([name]: Header): boolean {
  return factNames.has(name) || foreignPrefixes.some((prefix) => name.startsWith(prefix));
}

/** Of Spring Kafka with its retry topics, whose attempts would go on counting, of Kafka Connect and of Kafka Streams. */
const foreignPrefixes = [
  "kafka_dlt-",
  "kafka_original-",
  "kafka_exception-",
  "kafka_key-exception-",
  "kafka_deliveryAttempt",
  "retry_topic-",
  "__connect.errors.",
  "__streams.errors.",
];

const factNames = new Set([
  "x-original-topic",
  "x-original-partition",
  "x-original-offset",
  "x-original-timestamp",
  "x-error",
  "x-error-class",
  "x-attempts",
  "x-consumer-group",
  "x-original-last-offset",
  "x-original-records",
  "x-original-batch-bytes",
  "x-by-reference",
  ...cutFactNames,
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
