/** Turns news of transactions into conditions of the lane or the relay that they hold up. Ends nothing itself. */
import { type Health, laneCheck } from "../core/health.ts";
import type { OnTransactionNews } from "../kafka/settle_transaction.ts";
import type { Outcome } from "../kafka/transaction_outcome.ts";

/** A report of waiting is repeated while it lasts; it lapses when nobody waits any more. */
const waitingMsMax = 10_000;
const cause = "unstable";

/** `onForgotten` is told of each partition in which a forgotten transaction was ended. */
export function reportTransactions(
  health: Health,
  nameOf: (transactionalId: string) => string,
  onForgotten?: (outcome: Outcome) => void,
): OnTransactionNews {
  return (transactionalId, news) => {
    const name = nameOf(transactionalId);
    switch (news.kind) {
      case "ended":
        onForgotten?.(news.outcome);
        return health.up(name, cause);
      case "waiting":
        return health.down(name, news.reason, { cause, forMsMax: waitingMsMax });
      case "unproved":
        return health.down(name, news.reason, { cause });
      default:
        news satisfies never;
    }
  };
}

/** `<group>/<topic>/<partition>` is the lane of that partition. */
export function laneName(transactionalId: string): string {
  const [topic = "", partition] = transactionalId.split("/").slice(-2);
  return laneCheck({ topic, partition: Number(partition) });
}
