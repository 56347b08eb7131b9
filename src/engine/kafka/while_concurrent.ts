/**
 * The wait for the markers of a transactional id's last transaction, which are written after its EndTxn was answered: until
 * then the coordinator refuses the next one as CONCURRENT_TRANSACTIONS, the one refusal after which nothing is in doubt.
 */
import { delay } from "../core/delay.ts";
import { isConcurrentTransactions } from "./error_verdict.ts";

/** Markers are written within a few milliseconds; where their partition has no leader it takes seconds. */
const delayMsMin = 2;
const delayMsMax = 20;
const waitMsMax = 6_000;

/** Runs a step of a transaction again while it is refused as concurrent, for six seconds at most. */
export async function whileConcurrent<T>(step: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  for (let attempt = 0;; attempt++) {
    try {
      return await step();
    } catch (error) {
      const isOver = performance.now() - startedAt > waitMsMax;
      if (!isConcurrentTransactions(error) || isOver) throw error;
      await delay(Math.min(delayMsMin + attempt, delayMsMax));
    }
  }
}
