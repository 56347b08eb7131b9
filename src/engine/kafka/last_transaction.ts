/**
 * Asks how the last transaction of an id ended, before InitProducerId makes the coordinator forget it. One that is open is
 * shut out first, so that it ends now and its outcome can be told.
 */
import { delay } from "../core/delay.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { describeTransaction } from "./open_transactions.ts";
import { findTransactionCoordinator } from "./transaction_coordinator.ts";
import type { TransactionState } from "./transaction_states.ts";
import type { VendorCluster } from "./vendor.ts";

const pollMs = 20;
const fenceAgainMs = 1_000;
/** Then whoever waits for it is told. */
const patienceMs = 2_000;

/** Errors that say "you may not ask" or "I cannot tell": the broker is older than the question, or rights are missing. */
const unanswerable = new Set([
  ...["UNSUPPORTED_VERSION", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"],
  ...["CLUSTER_AUTHORIZATION_FAILED"],
]);

/**
 * The id's state once nothing of it is under way; undefined where it is new, or the broker does not tell.
 *
 * @param onWaiting told every two seconds when the coordinator takes long over the markers, for example of a partition without a leader
 */
export async function lastTransaction(
  cluster: VendorCluster,
  transactionalId: string,
  signal?: AbortSignal,
  onWaiting: (state: TransactionState) => void = () => {},
): Promise<TransactionState | undefined> {
  let fencedAt = -Infinity;
  let toldAt = performance.now();
  while (true) {
    signal?.throwIfAborted();
    const state = await describe(cluster, transactionalId, signal);
    if (!state || !underWay.has(state.state)) return state;
    if (performance.now() - toldAt > patienceMs) {
      toldAt = performance.now();
      onWaiting(state);
    }
    if (state.state === "Ongoing" && performance.now() - fencedAt > fenceAgainMs) {
      fencedAt = performance.now();
      await shutOut(cluster, state);
    }
    await delay(pollMs, signal);
  }
}

const underWay = new Set(["Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"]);

async function describe(cluster: VendorCluster, transactionalId: string, signal?: AbortSignal) {
  try {
    return await describeTransaction(cluster, transactionalId, signal);
  } catch (error) {
    if (unanswerable.has(protocolErrorType(error) ?? "")) return undefined;
    throw error;
  }
}

/** InitProducerId of an open transaction has it aborted, and is refused as concurrent meanwhile. */
async function shutOut(cluster: VendorCluster, { transactionalId, timeoutMs }: TransactionState) {
  const coordinator = await findTransactionCoordinator(cluster, transactionalId);
  await coordinator.initProducerId({ transactionalId, transactionTimeout: timeoutMs })
    .catch((error) => {
      if (protocolErrorType(error) === undefined) throw error;
    });
}
