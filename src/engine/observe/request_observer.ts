/** Counts the requests that the HTTP API answered. */
import type { Metrics } from "./metrics.ts";

/** One answered request; `route` is the pattern and not the path, or every order would be a series of its own. */
export interface RequestReport {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/** A client may send any word as a method: those share one series. */
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The HTTP room's `onRequest`. */
export function requestObserver(metrics: Metrics): (seen: RequestReport) => void {
  // There from the start, so that it can be missed when nobody serves any more.
  metrics.httpRequests.inc({ method: "POST", route: "/orders", status: 202 }, 0);
  return ({ method: word, route, status, durationMs }) => {
    const method = methods.has(word) ? word : "other";
    metrics.httpRequests.inc({ method, route, status });
    metrics.httpSeconds.observe({ method, route }, durationMs / 1000);
  };
}
