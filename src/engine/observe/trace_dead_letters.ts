/** Tells a trace that its record became a dead letter. It changes nothing of the letter, which keeps its own headers. */
import { SpanKind } from "../packages/opentelemetry.ts";
import type { LaneObserver } from "../core/lane_observer.ts";
import { sampledContextOf } from "./trace_context.ts";
import { endFailed, messaging, startSpan, tracingOn } from "./traces.ts";

/**
 * The observer, with a failed `send` span for each dead letter that was committed, a child of the span that its record
 * carries. So an undecodable record, whose transform never ran, has its end in the trace too. The same, untouched, while
 * tracing is off.
 */
export function traceDeadLetters(
  observer: LaneObserver,
  deadLettersOf: (input: string) => string,
  on: boolean = tracingOn(),
): LaneObserver {
  if (!on) return observer;
  return {
    ...observer,
    deadLettered(records) {
      for (const { record, reason } of records) {
        const parent = sampledContextOf(record);
        if (!parent) continue;
        const deadLetters = deadLettersOf(record.topic);
        const span = startSpan(`send ${deadLetters}`, {
          kind: SpanKind.PRODUCER,
          attributes: messaging({ name: "send", type: "send" }, deadLetters, {
            "messaging.consumer.group.name": reason.groupId,
            "onceflow.original.topic": record.topic,
            "onceflow.original.partition": record.partition,
            "onceflow.original.offset": record.offset,
            "onceflow.attempts": reason.attempts,
          }),
        }, parent);
        const error = new Error(reason.error);
        error.name = reason.errorClass;
        endFailed(span, error);
      }
      observer.deadLettered?.(records);
    },
  };
}
