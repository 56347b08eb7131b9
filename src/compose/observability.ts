/** What one process measures and reports, and the observers that feed it. */
import { createHealth, type Health } from "../core/health.ts";
import { laneObserver } from "../observe/lane_observer.ts";
import { createMetrics, type Metrics } from "../observe/metrics.ts";
import { projectorObserver } from "../observe/projector_observer.ts";
import { relayObserver } from "../observe/relay_observer.ts";
import type { WorkerObservers } from "./run_worker.ts";

/** Metrics and conditions of one process. */
export interface Observability {
  readonly metrics: Metrics;
  readonly health: Health;
}

/** A fresh set: no process-wide registry. */
export function createObservability(): Observability {
  return { metrics: createMetrics(), health: createHealth() };
}

/** Observers for all background roles. */
export function workerObservers({ metrics, health }: Observability): WorkerObservers {
  return {
    lane: laneObserver(metrics, health, "invoicing"),
    relay: relayObserver(metrics, health),
    forgotten: (outcome) => metrics.forgottenTransactions.inc({ outcome }),
    projector: projectorObserver(metrics, health),
  };
}
