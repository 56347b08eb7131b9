/** Puts a span around a flow's transform and sends the trace on with its outputs. It changes nothing else of the flow. */
import { type SpanContext, SpanKind } from "../packages/opentelemetry.ts";
import type { Emissions, Flow, TransformContext } from "../core/flow.ts";
import type { Header } from "../core/record.ts";
import type { Emission } from "../core/emission.ts";
import {
  contextOfRecord,
  endingSpan,
  isSampled,
  messaging,
  startSpan,
  tracingOn,
  withTrace,
} from "./traces.ts";

/**
 * The flow with a span for each try of each record, a child of the span that the record's `traceparent` names; what it
 * emits carries the new span's. A trace that is not sampled is passed on and costs no span; a record without one begins
 * one. The same flow, untouched, while tracing is off. A synchronous transform stays one.
 */
export function traceFlow<T>(flow: Flow<T>, on: boolean = tracingOn()): Flow<T> {
  if (!on) return flow;
  return {
    ...flow,
    transform(event: T, context: TransformContext) {
      const { headers } = context.record;
      const parent = contextOfRecord(context.record);
      if (parent && !isSampled(parent)) {
        return passOn(flow.transform(event, context), parent, headers);
      }
      const options = { kind: SpanKind.CONSUMER, attributes: attributesOf(flow, context) };
      const span = startSpan(`process ${context.record.topic}`, options, parent);
      const own = span.spanContext();
      return endingSpan(span, () => passOn(flow.transform(event, context), own, headers));
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

function passOn(
  emissions: Emissions | Promise<Emissions>,
  from: SpanContext,
  source: readonly Header[],
): Emissions | Promise<Emissions> {
  if (emissions instanceof Promise) return emissions.then((found) => marked(found, from, source));
  return marked(emissions, from, source);
}

function marked(emissions: Emissions, from: SpanContext, source: readonly Header[]): Emissions {
  if (emissions === undefined) return emissions;
  const list = isList(emissions) ? emissions : [emissions];
  return list.map((emission) => ({
    ...emission,
    headers: withTrace(emission.headers, from, source),
  }));
}

function isList(emissions: Emission | readonly Emission[]): emissions is readonly Emission[] {
  return Array.isArray(emissions);
}
