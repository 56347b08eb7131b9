/** Turns what the relays of one process report into metrics and health. */
import { dependencyReporter } from "./dependency_reporter.ts";
import type { Health } from "../core/health.ts";
import type { Metrics } from "./metrics.ts";
import { transactionOutcome } from "./transaction_outcome.ts";

/** The shape of the outbox room's `RelayObserver`, written out because rooms like this one import only the core. */
export interface RelayReports {
  leading(shard: number, leading: boolean): void;
  relayed(
    batch: { shard: number; rows: number; position: number; oldestAt: Date; ms: number },
  ): void;
  waiting(shard: number): void;
  failed(verdict: string): void;
  resolved(outcome: "committed" | "aborted"): void;
  dependency(name: string, up: boolean): void;
}

/** One observer serves all shards. A relay that only stands by is ready: another process leads. */
export function relayObserver(
  metrics: Metrics,
  health: Health,
  now: () => number = Date.now,
): RelayReports {
  // As a flow's: there from the start.
  for (const resolved of ["committed", "aborted"]) {
    metrics.unknownOutcomes.inc({ role: "relay", resolved }, 0);
  }
  return {
    leading(shard, leading) {
      metrics.relayWaits.inc({ shard }, 0);
      metrics.relayLeader.set({ shard }, leading ? 1 : 0);
      if (!leading) metrics.relayPosition.remove({ shard });
    },
    relayed({ shard, rows, position, oldestAt, ms }) {
      metrics.relayRows.inc({ shard }, rows);
      metrics.transactions.inc({ flow: "relay", outcome: "committed" });
      metrics.transactionSeconds.observe({ flow: "relay" }, ms / 1000);
      metrics.relayPosition.set({ shard }, position);
      // The row's time is the database's clock and may be ahead of ours.
      const lagMs = Math.max(0, now() - oldestAt.getTime());
      metrics.relayLagSeconds.observe({ shard }, lagMs / 1000);
    },
    waiting: (shard) => metrics.relayWaits.inc({ shard }),
    failed: (verdict) =>
      metrics.transactions.inc({ flow: "relay", outcome: transactionOutcome(verdict) }),
    resolved(resolved) {
      metrics.unknownOutcomes.inc({ role: "relay", resolved });
      metrics.transactions.inc({ flow: "relay", outcome: resolved });
    },
    dependency: dependencyReporter(metrics, health, "relay"),
  };
}
