/** Understands a record of a dead-letter topic: where it came from and why it failed. Never changes it. */
import { isDeadLetterHeader } from "../core/dead_letter.ts";
import { type Header, headerText, type InputRecord, type TopicPartition } from "../core/record.ts";
import { type ParkedLink, parkedLink } from "./parked_link.ts";

/** Where a dead letter was read from before it failed. */
export interface Origin extends TopicPartition {
  readonly offset: number;
}

/** A record of a dead-letter topic with what its headers say. */
export interface DeadLetter {
  readonly record: InputRecord;
  /** Undefined where no header tells, as for a record that somebody wrote there by hand. */
  readonly origin: Origin | undefined;
  readonly errorClass: string;
  readonly error: string;
  readonly attempts: number;
  readonly groupId: string;
  /** Its place in the queue of a parked key; undefined where the flow does not park. */
  readonly link: ParkedLink | undefined;
}

/** Reads our own headers, or where they are missing those of Spring Kafka. */
export function readDeadLetter(record: InputRecord): DeadLetter {
  const { headers } = record;
  const text = (name: string, spring: string) =>
    headerText(headers, name) ?? headerText(headers, `kafka_dlt-${spring}`);
  return {
    record,
    origin: originOf(headers),
    errorClass: text("x-error-class", "exception-fqcn") ?? "",
    error: text("x-error", "exception-message") ?? "",
    attempts: Number(headerText(headers, "x-attempts") ?? 1),
    groupId: text("x-consumer-group", "original-consumer-group") ?? "",
    link: parkedLink(headers),
  };
}

/** The headers as the original had them: those that `core/dead_letter.ts` put behind them taken off. */
export function originalHeaders(headers: readonly Header[]): readonly Header[] {
  // Ours are one run at the end that begins with this name, so an original that has headers of the same names keeps
  // them. What another program wrote has no such run; there the names alone decide.
  const first = headers.findLastIndex(([name]) => name === "x-original-topic");
  const ours = first >= 0 && headers.slice(first).every(isDeadLetterHeader);
  return ours ? headers.slice(0, first) : headers.filter((header) => !isDeadLetterHeader(header));
}

function originOf(headers: readonly Header[]): Origin | undefined {
  const topic = headerText(headers, "x-original-topic") ??
    headerText(headers, "kafka_dlt-original-topic");
  const partition = wholeNumber(headerText(headers, "x-original-partition")) ??
    bigEndian(headers, "kafka_dlt-original-partition");
  const offset = wholeNumber(headerText(headers, "x-original-offset")) ??
    bigEndian(headers, "kafka_dlt-original-offset");
  if (!topic || partition === undefined || offset === undefined) return undefined;
  return { topic, partition, offset };
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
