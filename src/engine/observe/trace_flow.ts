/** Puts a span around a flow's transform and sends the trace on with its outputs. It changes nothing else of the flow. */
import { SpanKind } from "../packages/opentelemetry.ts";
import type { Emissions, Flow, TransformContext } from "../core/flow.ts";
import type { Header, InputRecord } from "../core/record.ts";
import type { Emission } from "../core/emission.ts";
import {
  contextOf,
  isSampled,
  isUnsampled,
  traceparentOf,
  withSameTrace,
  withTrace,
} from "./trace_context.ts";
import { endingSpan, messaging, startSpan, tracingOn } from "./traces.ts";

/**
 * The flow with a span for each try of each record, a child of the span that the record's `traceparent` names; what it
 * emits carries the new span's. A trace that is not sampled is passed on and costs no span; a record without one begins
 * one where the sampler takes it. The same flow, untouched, while tracing is off. A synchronous transform stays one.
 * A call with many events of a batch flow has no span, and what it emits no trace: there is no one record to be the child of.
 */
export function traceFlow<T>(flow: Flow<T>, on: boolean = tracingOn()): Flow<T> {
  if (!on) return flow;
  return {
    ...flow,
    transform(event: T, context: TransformContext) {
      const { record } = context;
      const traceparent = traceparentOf(record);
      if (traceparent && isUnsampled(traceparent)) {
        return carryOn(flow.transform(event, context), traceparent, record);
      }
      const parent = traceparent && contextOf(traceparent);
      const span = startSpan(`process ${record.topic}`, { kind: SpanKind.CONSUMER }, parent);
      const own = span.spanContext();
      if (!isSampled(own)) {
        span.end();
        const emissions = flow.transform(event, context);
        return traceparent && parent ? carryOn(emissions, traceparent, record) : emissions;
      }
      span.setAttributes(attributesOf(flow, context));
      return endingSpan(
        span,
        () => carry(flow.transform(event, context), (headers) => withTrace(headers, own, record)),
        (text) => flow.from.redact?.(text, record) ?? text,
      );
    },
  };
}

function attributesOf<T>({ groupId }: Flow<T>, { record, attempt }: TransformContext) {
  return messaging({ name: "process", type: "process" }, record.topic, {
    "messaging.consumer.group.name": groupId,
    "messaging.destination.partition.id": String(record.partition),
    "messaging.kafka.offset": record.offset,
    "onceflow.attempt": attempt,
  });
}

/** What is made of a record whose spans nobody wants goes on in its trace, as it came. */
function carryOn(
  emissions: Emissions | Promise<Emissions>,
  traceparent: Uint8Array,
  record: InputRecord,
): Emissions | Promise<Emissions> {
  return carry(emissions, (own) => withSameTrace(own, traceparent, record));
}

type Rewrite = (headers: readonly Header[]) => readonly Header[];

function carry(
  emissions: Emissions | Promise<Emissions>,
  rewrite: Rewrite,
): Emissions | Promise<Emissions> {
  return emissions instanceof Promise
    ? emissions.then((found) => carried(found, rewrite))
    : carried(emissions, rewrite);
}

function carried(emissions: Emissions, rewrite: Rewrite): Emissions {
  if (emissions === undefined) return emissions;
  const one = (emission: Emission) => ({ ...emission, headers: rewrite(emission.headers) });
  return isList(emissions) ? emissions.map(one) : one(emissions);
}

function isList(emissions: Emission | readonly Emission[]): emissions is readonly Emission[] {
  return Array.isArray(emissions);
}
