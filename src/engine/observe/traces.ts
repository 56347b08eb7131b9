/**
 * Carries W3C trace context along with an order. With `OTEL_DENO=true` Deno itself collects and exports the spans; without
 * it everything here does nothing. Owns no exporter and no settings.
 */
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "../packages/opentelemetry.ts";

/** The header, in HTTP requests and in Kafka records alike (https://www.w3.org/TR/trace-context/). */
export const traceparentHeader = "traceparent";

const tracerName = "onceflow";
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** True when the process was started with `OTEL_DENO=true`. Ask once, at the start. */
export function tracingOn(): boolean {
  return trace.getTracer(tracerName).startSpan("probe").isRecording();
}

/** The `traceparent` of the span in which this is called; undefined where there is none, so always when tracing is off. */
export function currentTraceparent(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? formatTraceparent(span) : undefined;
}

/** Reads a `traceparent`; undefined where it is none: a broken header starts a new trace, it is never an error. */
export function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] = pattern.exec(text ?? "") ?? [];
  if (!version || !traceId || !spanId || !flags || version === "ff") return;
  // Later versions may append fields; version 00 has none.
  if (version === "00" && rest !== undefined) return;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/**
 * Runs `work` in a span: a child of `parent` where one is given, else of the current span. What `work` throws marks the
 * span as failed and is thrown on.
 */
export function withSpan<T>(
  name: string,
  attributes: Attributes,
  parent: string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  return inSpan(name, { attributes }, parent, work);
}

/** The same for work that may be synchronous and for spans of any kind; the span ends when the work does. */
export function inSpan<T>(
  name: string,
  options: SpanOptions,
  parent: string | undefined,
  work: () => T,
): T {
  return trace.getTracer(tracerName).startActiveSpan(name, options, contextOf(parent), (span) => {
    try {
      const result = work();
      if (!(result instanceof Promise)) {
        span.end();
        return result;
      }
      result.then(() => span.end(), (error) => endFailed(span, error));
      return result;
    } catch (error) {
      endFailed(span, error);
      throw error;
    }
  });
}

function endFailed(span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

function contextOf(parent: string | undefined): Context {
  const remote = parseTraceparent(parent);
  return remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : context.active();
}

function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
