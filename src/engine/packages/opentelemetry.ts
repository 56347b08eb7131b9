/** The one place that names the version of OpenTelemetry's interface; whoever traces brings the rest. Owns no behaviour. */
export {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "npm:@opentelemetry/api@1.10.0";
