/**
 * W3C trace context, and the spans of OpenTelemetry. With `OTEL_DENO=true` Deno itself collects and exports them; without it
 * nothing here is called, since whoever traces asks {@linkcode tracingOn} first. Owns no exporter and no settings.
 */
import {
  type Attributes,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "../packages/opentelemetry.ts";
import { type Header, textHeader } from "../core/record.ts";

/** The headers, in HTTP requests and in Kafka records alike (https://www.w3.org/TR/trace-context/). */
const traceparentHeader = "traceparent";
const tracestateHeader = "tracestate";
const traceHeaders = [traceparentHeader, tracestateHeader];
const traceparentBytes = new TextEncoder().encode(traceparentHeader);

/** The most links of one span: OpenTelemetry's limit where `OTEL_SPAN_LINK_COUNT_LIMIT` says no other. */
export const linksMax = 128;

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Printable, and no longer than everybody must pass on. */
const tracestatePattern = /^[\x20-\x7e]{1,512}$/;

/** Where the last digit of a `traceparent` of version 00 stands. */
const lastOfVersion0 = 54;
const zero = "0".charCodeAt(0);
const decoder = new TextDecoder();

const tracer = () => trace.getTracer("onceflow");

/** True when spans are collected, sampled or not: the process was started with `OTEL_DENO=true`. Ask once, at the start. */
export function tracingOn(): boolean {
  return isSpanContextValid(tracer().startSpan("probe").spanContext());
}

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
interface TracedRecord {
  readonly headers: readonly Header[];
  mayHaveHeader?(nameBytes: Uint8Array): boolean;
}

/**
 * The context that a record came with; `unsampled` where whoever began the trace does not want its spans, which is known
 * without reading more than a letter: most are of that kind.
 */
export function traceOf(record: TracedRecord): SpanContext | "unsampled" | undefined {
  if (record.mayHaveHeader?.(traceparentBytes) === false) return undefined;
  const value = lastHeader(record.headers, traceparentHeader)?.[1];
  if (!value) return undefined;
  // Version 00 ends with the flags, and of those it knows this one only.
  const digit = value[lastOfVersion0] ?? 0;
  const isUnsampled = value.length === lastOfVersion0 + 1 && value[0] === zero && digit === zero;
  return isUnsampled ? "unsampled" : parseTraceparent(decoder.decode(value));
}

/** The context of a record whose spans are wanted. */
export function sampledContextOf(record: TracedRecord): SpanContext | undefined {
  const found = traceOf(record);
  return found === "unsampled" || !found || !isSampled(found) ? undefined : found;
}

/** Whether the spans of this trace are kept. */
export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** As {@linkcode withTrace}, with the context of the other record as it is. */
export function withSameTrace(headers: readonly Header[], source: readonly Header[]): Header[] {
  const carried = headers.filter(isNoTraceHeader);
  for (const name of traceHeaders) {
    const header = lastHeader(source, name);
    if (header) carried.push(header);
  }
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
  source: readonly Header[],
): Header[] {
  const state = lastHeader(source, tracestateHeader);
  return [
    ...headers.filter(isNoTraceHeader),
    textHeader(traceparentHeader, formatTraceparent(parent)),
    ...(state ? [state] : []),
  ];
}

/** A span: a child of `parent`, or the first of a trace. Never a child of what happens to run: lanes and relays run for ever. */
export function startSpan(name: string, options: SpanOptions, parent?: SpanContext): Span {
  const outer = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  return tracer().startSpan(name, options, outer);
}

/**
 * Runs work in the span, which ends when the work does, and is marked as failed by what that throws.
 *
 * @param redact what becomes of the text of that
 */
export function endingSpan<T>(
  span: Span,
  work: () => T,
  redact: (text: string) => string = (text) => text,
): T {
  try {
    const result = context.with(trace.setSpan(ROOT_CONTEXT, span), work);
    if (!(result instanceof Promise)) {
      span.end();
      return result;
    }
    result.then(() => span.end(), (error) => endFailed(span, error, redact));
    return result;
  } catch (error) {
    endFailed(span, error, redact);
    throw error;
  }
}

/** Ends it with `error.type`, the class of what went wrong. */
export function endFailed(
  span: Span,
  error: unknown,
  redact: (text: string) => string = (text) => text,
): void {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  span.setAttribute("error.type", name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: redact(message) });
  span.end();
}

/** The span of the request at hand, which Deno began, under the name that the conventions for HTTP ask for. */
export function nameRequestSpan({ method, route }: { method: string; route: string }): void {
  const span = trace.getActiveSpan();
  span?.updateName(`${method} ${route}`);
  span?.setAttribute("http.route", route);
}

/** The trace that runs now, for lines of the log; undefined where there is none. */
export function currentTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

/**
 * Attributes of OpenTelemetry's conventions for messaging
 * (https://opentelemetry.io/docs/specs/semconv/messaging/kafka/).
 */
export function messaging(
  operation: { readonly name: string; readonly type: "create" | "send" | "process" | "settle" },
  destination: string | undefined,
  more: Attributes = {},
): Attributes {
  return {
    "messaging.system": "kafka",
    "messaging.operation.name": operation.name,
    "messaging.operation.type": operation.type,
    ...(destination !== undefined && { "messaging.destination.name": destination }),
    ...more,
  };
}

function isNoTraceHeader([name]: Header): boolean {
  return name !== traceparentHeader && name !== tracestateHeader;
}

function lastHeader(headers: readonly Header[], name: string): Header | undefined {
  for (let i = headers.length - 1; i >= 0; i--) if (headers[i]?.[0] === name) return headers[i];
}

function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
