/** What the HTTP API is told to do beside its work: count its requests, log them, and carry their traces on. */
import { getLogger } from "@logtape/logtape";
import type { Metrics } from "../../engine/observe/metrics.ts";
import { requestObserver } from "../../engine/observe/request_observer.ts";
import { traceHeadersOf } from "../../engine/observe/trace_context.ts";
import { nameRequestSpan, tracingOn } from "../../engine/observe/traces.ts";
import type { AppOptions, RequestSeen } from "../http/app_options.ts";

const log = getLogger(["onceflow", "http", "access"]);

/** Asked every few seconds by machines; what they are told, such as not ready, is logged when it changes. */
const quietRoutes = new Set([
  ...["/healthz", "/readyz", "/metrics"],
  ...["/dashboard/data.json", "/dashboard/history.json"],
]);

/** Whether spans are collected is asked once, here: while they are not, nothing is done for them. */
export function requestHooks(
  metrics: Metrics,
  traces: boolean = tracingOn(),
): Pick<AppOptions, "onRequest" | "eventHeaders"> {
  const count = requestObserver(metrics);
  return {
    onRequest(seen) {
      if (traces) nameRequestSpan(seen);
      count(seen);
      logRequest(seen);
    },
    eventHeaders: traces ? traceHeadersOf : undefined,
  };
}

/** A line a request: who, what, how it went, and the ids that lead on. Neither token nor query is in it. */
function logRequest(seen: RequestSeen): void {
  const { method, route, status, durationMs, requestId, client, orderId, eventId } = seen;
  const fields = {
    ...{ method, route, status, ms: Math.round(durationMs * 10) / 10, request_id: requestId },
    ...(client !== undefined && { client }),
    ...(orderId !== undefined && { order_id: orderId }),
    ...(eventId !== undefined && { event_id: eventId }),
  };
  const text = "{method} {route} {status} in {ms} ms, request {request_id}";
  if (quietRoutes.has(route)) log.debug(text, fields);
  else log.info(text, fields);
}
