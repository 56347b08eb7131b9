/** Understands a record of a dead-letter topic: where it came from and why it failed. Never changes it. */
import { isDeadLetterHeader } from "../core/dead_letter.ts";
import { type Header, headerText, type InputRecord, type TopicPartition } from "../core/record.ts";
import { readTrips } from "../core/trips.ts";
import { type ForeignFacts, foreignFacts, wholeNumber } from "./foreign_headers.ts";
import { type ParkedLink, parkedLink } from "./parked_link.ts";

/** Where a dead letter was read from before it failed. */
export interface Origin extends TopicPartition {
  /** Its place in that partition. */
  readonly offset: number;
}

/** Where and when a record failed for the first time. */
export interface FirstFailure {
  /** Where it lay then. */
  readonly origin: Origin | undefined;
  /** Milliseconds. */
  readonly failedAt: number | undefined;
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
  /** How many times it was tried before it became this dead letter. */
  readonly attempts: number;
  /** How many times the record has become a dead letter: 1 where it was not redriven before. */
  readonly trips: number;
  /** How many times it was tried in all trips. */
  readonly attemptsInAll: number;
  /** Its first failure; the parts that no header tells are undefined. */
  readonly first: FirstFailure;
  /** The consumer group of the flow that gave it up. */
  readonly groupId: string;
  /** Its place in the queue of a parked key; undefined where the flow does not park. */
  readonly link: ParkedLink | undefined;
  /** The original's own time, where it is known; milliseconds. */
  readonly originalTimestamp: number | undefined;
  /** What is not in it, in words; undefined where it is whole. */
  readonly missing: string | undefined;
}

/** Reads our own headers, or where they are missing those of Spring Kafka, Kafka Connect or Kafka Streams. */
export function readDeadLetter(record: InputRecord): DeadLetter {
  const { headers } = record;
  const text = (name: string) => headerText(headers, name);
  const foreign = foreignFacts(headers);
  const origin = originOf(headers, foreign);
  const attempts = wholeNumber(text("x-attempts")) ?? foreign.attempts ?? 1;
  const before = readTrips(originalHeaders(headers));
  return {
    record,
    origin,
    errorClass: text("x-error-class") ?? foreign.errorClass ?? "",
    error: text("x-error") ?? foreign.error ?? "",
    attempts,
    trips: before.count + 1,
    attemptsInAll: before.attempts + attempts,
    first: before.count === 0
      ? { origin, failedAt: record.timestamp }
      : { origin: before.origin, failedAt: before.failedAt },
    groupId: text("x-consumer-group") ?? foreign.groupId ?? "",
    link: parkedLink(headers),
    originalTimestamp: wholeNumber(text("x-original-timestamp")) ?? foreign.timestamp,
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

function originOf(headers: readonly Header[], foreign: ForeignFacts): Origin | undefined {
  const number = (name: string) => wholeNumber(headerText(headers, `x-original-${name}`));
  const topic = headerText(headers, "x-original-topic") ?? foreign.topic;
  const partition = number("partition") ?? foreign.partition;
  const offset = number("offset") ?? foreign.offset;
  if (!topic || partition === undefined || offset === undefined) return undefined;
  return { topic, partition, offset };
}
