/** W3C trace context in headers (https://www.w3.org/TR/trace-context/). Reads and writes it; makes no span. */
import {
  isSpanContextValid,
  type SpanContext,
  trace,
  TraceFlags,
} from "../packages/opentelemetry.ts";
import type { Header, InputRecord } from "../core/record.ts";

/** In HTTP requests and in Kafka records alike. */
const traceparentHeader = "traceparent";
const tracestateHeader = "tracestate";
const encoder = new TextEncoder();
const traceparentName = encoder.encode(traceparentHeader);
const tracestateName = encoder.encode(tracestateHeader);

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Printable, and no longer than everybody must pass on. */
const tracestatePattern = /^[\x20-\x7e]{1,512}$/;

/** Where the last digit of a `traceparent` of version 00 stands. */
const lastOfVersion0 = 54;
const zero = "0".charCodeAt(0);
const nine = "9".charCodeAt(0);
const decoder = new TextDecoder();

/** Reads a `traceparent`; undefined where it is none: a broken header starts a new trace, it is never an error. */
export function parseTraceparent(text: string | null | undefined): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] = pattern.exec(text ?? "") ?? [];
  if (!version || !traceId || !spanId || !flags || version === "ff") return;
  // Later versions may append fields; version 00 has none.
  if (version === "00" && rest !== undefined) return;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/** What of a record is looked at. */
type TracedRecord = Pick<InputRecord, "headers" | "lastHeaderValue">;

/** The `traceparent` that a record came with, as it came; undefined where there is none. */
export function traceparentOf(record: TracedRecord): Uint8Array | undefined {
  return lastValue(record, traceparentHeader, traceparentName) ?? undefined;
}

/**
 * Whether this `traceparent` says that nobody wants the spans of its trace, known without reading more than two letters: most
 * are of that kind.
 */
export function isUnsampled(traceparent: Uint8Array): boolean {
  // Version 00 ends with the flags, whose lowest bit it is.
  if (traceparent.length !== lastOfVersion0 + 1 || traceparent[0] !== zero) return false;
  const digit = traceparent[lastOfVersion0] ?? 0;
  // Of the digits 0 is even, of the letters a is odd, and its value even.
  return (digit & 1) === (digit <= nine ? 0 : 1);
}

/** What a `traceparent` says; undefined where it is none. */
export function contextOf(traceparent: Uint8Array): SpanContext | undefined {
  return parseTraceparent(decoder.decode(traceparent));
}

/** The context of a record whose spans are wanted. */
export function sampledContextOf(record: TracedRecord): SpanContext | undefined {
  const traceparent = traceparentOf(record);
  if (!traceparent || isUnsampled(traceparent)) return undefined;
  const found = contextOf(traceparent);
  return found && isSampled(found) ? found : undefined;
}

/** Whether the spans of this trace are kept. */
export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** These headers with the trace of the record behind them, as it came, in the place of their own. */
export function withSameTrace(
  headers: readonly Header[],
  traceparent: Uint8Array,
  source: TracedRecord,
): Header[] {
  const carried = headers.length === 0 ? [] : headers.filter(isNoTraceHeader);
  carried.push([traceparentHeader, traceparent]);
  const state = lastValue(source, tracestateHeader, tracestateName);
  if (state !== undefined) carried.push([tracestateHeader, state]);
  return carried;
}

/**
 * What an event carries that is published in the span at hand, for the outbox: `traceparent`, and the request's
 * `tracestate` where the span goes on with the request's trace. Deno does not keep the latter.
 */
export function traceHeadersOf(request: Pick<Request, "headers">): [name: string, text: string][] {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !isSpanContextValid(span)) return [];
  const headers: [string, string][] = [[traceparentHeader, formatTraceparent(span)]];
  const sender = parseTraceparent(request.headers.get(traceparentHeader));
  const state = request.headers.get(tracestateHeader) ?? "";
  if (sender?.traceId === span.traceId && tracestatePattern.test(state)) {
    headers.push([tracestateHeader, state]);
  }
  return headers;
}

/** These headers with the span `parent` in the place of their own trace; the `tracestate` is that of the record behind it. */
export function withTrace(
  headers: readonly Header[],
  parent: SpanContext,
  source: TracedRecord,
): Header[] {
  return withSameTrace(headers, encoder.encode(formatTraceparent(parent)), source);
}

function isNoTraceHeader([name]: Header): boolean {
  return name !== traceparentHeader && name !== tracestateHeader;
}

function lastValue(
  record: TracedRecord,
  name: string,
  nameBytes: Uint8Array,
): Uint8Array | null | undefined {
  if (record.lastHeaderValue) return record.lastHeaderValue(nameBytes);
  return record.headers.findLast((header) => header[0] === name)?.[1];
}

function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
