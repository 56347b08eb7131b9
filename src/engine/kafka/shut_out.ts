/** InitProducerId of an id that this process does not use itself: over the connection at hand, without a producer of its own. */
import { protocolErrorType } from "./error_verdict.ts";
import { describeTransaction } from "./open_transactions.ts";
import { whileConcurrent } from "./while_concurrent.ts";
import { type SettleOptions, settleTransaction } from "./settle_transaction.ts";
import { findTransactionCoordinator } from "./transaction_coordinator.ts";
import type { VendorCluster } from "./vendor.ts";

/** Whoever opens the id next says how long its transactions may take. */
const timeoutMs = 10_000;

/** Nobody can commit under the id any more, and what was open is ended; nothing where nobody has ever used it. */
export async function shutOut(
  cluster: VendorCluster,
  transactionalId: string,
  options: SettleOptions,
  signal?: AbortSignal,
): Promise<void> {
  if (!await isKnown(cluster, transactionalId, signal)) return;
  await settleTransaction(cluster, transactionalId, options, signal);
  const coordinator = await findTransactionCoordinator(cluster, transactionalId);
  await whileConcurrent(() =>
    coordinator.initProducerId({ transactionalId, transactionTimeout: timeoutMs })
  );
}

/** True also where the broker does not tell. */
async function isKnown(
  cluster: VendorCluster,
  transactionalId: string,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    return await describeTransaction(cluster, transactionalId, signal) !== undefined;
  } catch (error) {
    if (protocolErrorType(error) === undefined) throw error;
    return true;
  }
}
