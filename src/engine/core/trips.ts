/** What a redriven record carries of its failures so far: how often it went back, and where it failed first. Pure. */
import { type Header, headerText, textHeader, type TopicPartition } from "./record.ts";

/** The failures before this trip. */
export interface Trips {
  /** How often the record was sent back; 0 where it never was. */
  readonly count: number;
  /** How often it was tried before it was sent back the last time, all trips together. */
  readonly attempts: number;
  /** Where it lay when it failed first; undefined where that is not known. */
  readonly origin: (TopicPartition & { readonly offset: number }) | undefined;
  /** When it failed first, milliseconds; undefined where that is not known. */
  readonly failedAt: number | undefined;
}

const countHeader = "x-redriven-trips";
const attemptsHeader = "x-redriven-attempts";
const originHeader = "x-redriven-first-origin";
const failedAtHeader = "x-redriven-first-failed-at";
/** Which dead letter a record was redriven from: `<dlq>/<partition>/<offset>`. */
export const redrivenFromHeader = "x-redriven-from";

/** The headers, in the order in which a redrive writes them. They stay on the record when it fails again. */
export const tripHeaderNames: readonly string[] = [
  countHeader,
  attemptsHeader,
  originHeader,
  failedAtHeader,
];

/** A topic has 249 characters at most; what is longer than this is not ours. */
export const tripHeaderBytesMax = 320;
const originShape = /^([a-zA-Z0-9._-]{1,249})\/(\d{1,9})\/(\d{1,15})$/;

/** The failures that these headers tell of. Releases that counted no trips left `x-redriven-from` alone: one at least. */
export function readTrips(headers: readonly Header[]): Trips {
  const [, topic, partition, offset] = originShape.exec(headerText(headers, originHeader) ?? "") ??
    [];
  const redriven = headerText(headers, redrivenFromHeader) !== undefined;
  return {
    count: numberOf(headers, countHeader) ?? (redriven ? 1 : 0),
    attempts: numberOf(headers, attemptsHeader) ?? (redriven ? 1 : 0),
    origin: topic === undefined
      ? undefined
      : { topic, partition: Number(partition), offset: Number(offset) },
    failedAt: numberOf(headers, failedAtHeader),
  };
}

/** The headers that tell of these failures. */
export function tripHeaders({ count, attempts, origin, failedAt }: Trips): readonly Header[] {
  return [
    textHeader(countHeader, String(count)),
    textHeader(attemptsHeader, String(attempts)),
    ...(origin
      ? [textHeader(originHeader, `${origin.topic}/${origin.partition}/${origin.offset}`)]
      : []),
    ...(failedAt === undefined ? [] : [textHeader(failedAtHeader, String(failedAt))]),
  ];
}

function numberOf(headers: readonly Header[], name: string): number | undefined {
  const text = headerText(headers, name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
