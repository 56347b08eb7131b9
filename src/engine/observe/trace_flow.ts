/** Puts a span around a flow's transform and sends the trace on with its outputs. It changes nothing else of the flow. */
import { SpanKind } from "../packages/opentelemetry.ts";
import type { Emissions, Flow, TransformContext } from "../core/flow.ts";
import { headerText, type InputRecord, textHeader } from "../core/record.ts";
import type { Emission } from "../core/emission.ts";
import { currentTraceparent, inSpan, traceparentHeader, tracingOn } from "./traces.ts";

/**
 * The flow with a span for each try of each record, a child of the span that the record's `traceparent` names; what it
 * emits carries the new span's. The same flow, untouched, while tracing is off. A synchronous transform stays one.
 */
export function traceFlow<T>(flow: Flow<T>, on: boolean = tracingOn()): Flow<T> {
  if (!on) return flow;
  return {
    ...flow,
    transform(event: T, context: TransformContext) {
      const parent = headerText(context.record.headers, traceparentHeader);
      const options = { kind: SpanKind.CONSUMER, attributes: attributesOf(context) };
      return inSpan(`process ${flow.from.name}`, options, parent, () => {
        const traceparent = currentTraceparent();
        const emissions = flow.transform(event, context);
        return emissions instanceof Promise
          ? emissions.then((found) => withTraceparent(found, traceparent))
          : withTraceparent(emissions, traceparent);
      });
    },
  };
}

/** Names of OpenTelemetry's semantic conventions for messaging. */
function attributesOf({ record, attempt }: TransformContext) {
  const { topic, partition, offset }: InputRecord = record;
  return {
    "messaging.system": "kafka",
    "messaging.operation.type": "process",
    "messaging.destination.name": topic,
    "messaging.destination.partition.id": String(partition),
    "messaging.kafka.offset": offset,
    "onceflow.attempt": attempt,
  };
}

function withTraceparent(emissions: Emissions, traceparent: string | undefined): Emissions {
  if (emissions === undefined || traceparent === undefined) return emissions;
  const list = isList(emissions) ? emissions : [emissions];
  return list.map((emission) => ({
    ...emission,
    headers: [
      ...emission.headers.filter(([name]) => name !== traceparentHeader),
      textHeader(traceparentHeader, traceparent),
    ],
  }));
}

function isList(emissions: Emission | readonly Emission[]): emissions is readonly Emission[] {
  return Array.isArray(emissions);
}
