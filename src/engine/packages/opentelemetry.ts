/** The one place that names the version of OpenTelemetry's interface; whoever traces brings the rest. Owns no behaviour. */
export {
  type Attributes,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from "npm:@opentelemetry/api@1.10.0";
