/** Understands a record of a dead-letter topic: where it came from and why it failed. Never changes it. */
import { isDeadLetterHeader } from "../core/dead_letter.ts";
import { type Header, headerText, type InputRecord, type TopicPartition } from "../core/record.ts";
import { type ParkedLink, parkedLink } from "./parked_link.ts";

/** Where a dead letter was read from before it failed. */
export interface Origin extends TopicPartition {
  /** Its place in that partition. */
  readonly offset: number;
}

/** A record of a dead-letter topic with what its headers say. */
export interface DeadLetter {
  /** As it lies in the dead-letter topic. */
  readonly record: InputRecord;
  /** Undefined where no header tells, as for a record that somebody wrote there by hand. */
  readonly origin: Origin | undefined;
  /** The class of the failure, such as `PoisonError`; empty where no header tells. */
  readonly errorClass: string;
  /** What was wrong. */
  readonly error: string;
  /** How many times it was tried. */
  readonly attempts: number;
  /** The consumer group of the flow that gave it up. */
  readonly groupId: string;
  /** Its place in the queue of a parked key; undefined where the flow does not park. */
  readonly link: ParkedLink | undefined;
  /** The original's own time, where it is known; milliseconds. */
  readonly originalTimestamp: number | undefined;
  /** What is not in it, in words; undefined where it is whole. */
  readonly missing: string | undefined;
}

/** Reads our own headers, or where they are missing those of Spring Kafka, or of Kafka Connect. */
export function readDeadLetter(record: InputRecord): DeadLetter {
  const { headers } = record;
  const text = (name: string, spring: string, connect: string) =>
    headerText(headers, name) ?? headerText(headers, `kafka_dlt-${spring}`) ??
      headerText(headers, `__connect.errors.${connect}`);
  return {
    record,
    origin: originOf(headers),
    errorClass: text("x-error-class", "exception-fqcn", "exception.class.name") ?? "",
    error: text("x-error", "exception-message", "exception.message") ?? "",
    attempts: Number(headerText(headers, "x-attempts") ?? 1),
    groupId: text("x-consumer-group", "original-consumer-group", "connector.name") ?? "",
    link: parkedLink(headers),
    originalTimestamp: numberIn(headers, "x-original-timestamp", "kafka_dlt-original-timestamp"),
    missing: missingIn(record),
  };
}

/** What an operator has to know of a dead letter that is not the whole record. */
function missingIn({ headers: all, unread }: InputRecord): string | undefined {
  if (unread !== undefined) return `it cannot be unpacked itself: ${unread.reason}`;
  // An original may have headers of these names itself.
  const headers = all.slice(ownFactsFrom(all) ?? all.length);
  const text = (name: string) => headerText(headers, name);
  if (text("x-by-reference") === "true") {
    return `it names the place of ${
      text("x-original-records")
    } record(s) that were not unpacked, ` +
      `and holds none of their bytes`;
  }
  const cut = text("x-truncated");
  if (cut === undefined) return undefined;
  const sizes = ["key", "value"].filter((part) => text(`x-original-${part}-bytes`) !== undefined)
    .map((part) =>
      `, the ${part} had ${text(`x-original-${part}-bytes`)} bytes with SHA-256 ` +
      text(`x-original-${part}-sha256`)
    );
  return `it does not hold all of the record (cut: ${cut}${sizes.join("")})`;
}

/** The headers as the original had them: those that `engine/core/dead_letter.ts` put behind them taken off. */
export function originalHeaders(headers: readonly Header[]): readonly Header[] {
  // What another program wrote has no run of ours; there the names alone decide.
  const first = ownFactsFrom(headers);
  return first === undefined
    ? headers.filter((header) => !isDeadLetterHeader(header))
    : headers.slice(0, first);
}

/** Where our facts begin: one run at the end from this name on, so an original with headers of the same names keeps them. */
function ownFactsFrom(headers: readonly Header[]): number | undefined {
  const first = headers.findLastIndex(([name]) => name === "x-original-topic");
  return first >= 0 && headers.slice(first).every(isDeadLetterHeader) ? first : undefined;
}

function originOf(headers: readonly Header[]): Origin | undefined {
  const topic = headerText(headers, "x-original-topic") ??
    headerText(headers, "kafka_dlt-original-topic") ??
    headerText(headers, "__connect.errors.topic");
  const partition = numberIn(headers, "x-original-partition", "kafka_dlt-original-partition") ??
    wholeNumber(headerText(headers, "__connect.errors.partition"));
  const offset = numberIn(headers, "x-original-offset", "kafka_dlt-original-offset") ??
    wholeNumber(headerText(headers, "__connect.errors.offset"));
  if (!topic || partition === undefined || offset === undefined) return undefined;
  return { topic, partition, offset };
}

/** Ours is text; Spring's is big-endian. */
function numberIn(headers: readonly Header[], ours: string, spring: string): number | undefined {
  return wholeNumber(headerText(headers, ours)) ?? bigEndian(headers, spring);
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function bigEndian(headers: readonly Header[], name: string): number | undefined {
  const value = headers.findLast(([header]) => header === name)?.[1];
  if (!value || (value.length !== 4 && value.length !== 8)) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const number = value.length === 4 ? view.getInt32(0) : Number(view.getBigInt64(0));
  return number >= 0 ? number : undefined;
}
