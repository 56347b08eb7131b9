/**
 * The spans of OpenTelemetry. With `OTEL_DENO=true` Deno itself collects and exports them; without it nothing here is called,
 * since whoever traces asks {@linkcode tracingOn} first. Owns no exporter and no settings.
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
  type Tracer,
} from "../packages/opentelemetry.ts";

/** The most links of one span: OpenTelemetry's limit where `OTEL_SPAN_LINK_COUNT_LIMIT` says no other. */
export const linksMax = 128;

let ours: Tracer | undefined;
/** One for all: Deno makes an object of its own for each that is asked for, which costs as much as a span. */
const tracer = (): Tracer => ours ??= trace.getTracer("onceflow");

/** True when spans are collected, sampled or not: the process was started with `OTEL_DENO=true`. Ask once, at the start. */
export function tracingOn(): boolean {
  return isSpanContextValid(tracer().startSpan("probe").spanContext());
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
