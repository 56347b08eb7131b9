/** Turns what lanes and relays report alike of their transactions into metrics and health. */
import type { Health } from "../core/health.ts";
import type { TransactionObserver } from "../core/transaction_observer.ts";
import { dependencyReporter } from "./dependency_reporter.ts";
import type { Metrics } from "./metrics.ts";

/** `role` is a flow's name, or `relay`. */
export function transactionObserver(
  metrics: Metrics,
  health: Health,
  role: string,
): Required<TransactionObserver> {
  // A query has no answer while a series is not there, and `increase()` does not see its first sample.
  for (const resolved of ["committed", "aborted"]) {
    metrics.unknownOutcomes.inc({ role, resolved }, 0);
  }
  return {
    failed(verdict) {
      // In the operator's word; the other verdicts keep their names.
      const outcome = verdict === "migrated" ? "fenced" : verdict;
      metrics.transactions.inc({ flow: role, outcome });
    },
    resolved(resolved) {
      metrics.unknownOutcomes.inc({ role, resolved });
      metrics.transactions.inc({ flow: role, outcome: resolved });
    },
    dependency: dependencyReporter(metrics, health, role),
  };
}
