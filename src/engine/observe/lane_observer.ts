/** Turns what the lanes of one flow report into metrics and health. */
import { happenedAt } from "../core/cloud_event.ts";
import type { LaneObserver } from "../core/lane_observer.ts";
import type { Health } from "../core/health.ts";
import type { Metrics } from "./metrics.ts";
import { transactionObserver } from "./transaction_observer.ts";

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
  // As the outcomes that are not known: there from the start.
  retries.inc(0);
  return {
    ...transactionObserver(metrics, health, flow),
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
    deadLettered(records) {
      for (const { reason } of records) {
        metrics.deadLetters.inc({ flow, class: reason.errorClass });
      }
    },
  };
}
