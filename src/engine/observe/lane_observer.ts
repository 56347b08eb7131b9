/** Turns what the lanes of one flow report into metrics and health. */
import { happenedAt } from "../core/cloud_event.ts";
import type { LaneObserver } from "../core/lane_observer.ts";
import { dependencyReporter } from "./dependency_reporter.ts";
import type { Health } from "../core/health.ts";
import type { Metrics } from "./metrics.ts";
import { transactionOutcome } from "./transaction_outcome.ts";

/** One observer serves all lanes of the flow in this process. */
export function laneObserver(
  metrics: Metrics,
  health: Health,
  flow: string,
  now: () => number = Date.now,
): LaneObserver {
  const processed = metrics.records.labels({ flow, outcome: "processed" });
  const deadLettered = metrics.records.labels({ flow, outcome: "dead_lettered" });
  const outputsTotal = metrics.outputs.labels({ flow });
  const transactions = metrics.transactions.labels({ flow, outcome: "committed" });
  const seconds = metrics.transactionSeconds.labels({ flow });
  const retries = metrics.retries.labels({ flow });
  // A query has no answer while a series is not there, and `increase()` does not see its first sample.
  retries.inc(0);
  for (const resolved of ["committed", "aborted"]) {
    metrics.unknownOutcomes.inc({ role: flow, resolved }, 0);
  }
  return {
    committed({ records, outputs, deadLetters, ms, first }) {
      processed.inc(records - deadLetters);
      deadLettered.inc(deadLetters);
      outputsTotal.inc(outputs);
      transactions.inc();
      seconds.observe(ms / 1000);
      if (!first) return;
      // The clock of whoever wrote it may be ahead of ours.
      const wholeMs = Math.max(0, now() - happenedAt(first));
      metrics.endToEndSeconds.observe({ stage: flow, topic: first.topic }, wholeMs / 1000);
    },
    retrying: () => retries.inc(),
    buried(burials) {
      for (const { reason } of burials) {
        metrics.deadLetters.inc({ flow, class: reason.errorClass });
      }
    },
    failed: (verdict) => metrics.transactions.inc({ flow, outcome: transactionOutcome(verdict) }),
    resolved(resolved) {
      metrics.unknownOutcomes.inc({ role: flow, resolved });
      metrics.transactions.inc({ flow, outcome: resolved });
    },
    dependency: dependencyReporter(metrics, health, flow),
  };
}
