/** What the HTTP API is told to do beside its work: count its requests, and carry their traces on. */
import type { Metrics } from "../../engine/observe/metrics.ts";
import { requestObserver } from "../../engine/observe/request_observer.ts";
import { nameRequestSpan, traceHeadersOf, tracingOn } from "../../engine/observe/traces.ts";
import type { AppOptions } from "../http/app_options.ts";

/** Whether spans are collected is asked once, here: while they are not, a request costs a call and nothing more. */
export function requestHooks(
  metrics: Metrics,
  traces: boolean = tracingOn(),
): Pick<AppOptions, "onRequest" | "eventHeaders"> {
  const count = requestObserver(metrics);
  if (!traces) return { onRequest: count };
  return {
    onRequest(seen) {
      nameRequestSpan(seen);
      count(seen);
    },
    eventHeaders: traceHeadersOf,
  };
}
