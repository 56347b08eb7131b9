/** Turns what the relays of one process report into metrics and health. */
import type { Health } from "../core/health.ts";
import type { TransactionObserver } from "../core/transaction_observer.ts";
import type { Metrics } from "./metrics.ts";
import { transactionObserver } from "./transaction_observer.ts";

/** The shape of the outbox room's `RelayObserver`, written out because rooms like this one import only the core. */
export interface RelayReports extends Required<TransactionObserver> {
  leading(shard: number, leading: boolean): void;
  relayed(
    batch: { shard: number; rows: number; position: number; oldestAt: Date; ms: number },
  ): void;
  waiting(shard: number): void;
}

/** One observer serves all shards. A relay that only stands by is ready: another process leads. */
export function relayObserver(
  metrics: Metrics,
  health: Health,
  now: () => number = Date.now,
): RelayReports {
  return {
    ...transactionObserver(metrics, health, "relay"),
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
  };
}
