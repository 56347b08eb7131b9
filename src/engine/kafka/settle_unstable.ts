/** Finds out why a group's offset stays unstable, and ends what Kafka has forgotten. Fences nobody who is at work. */
import { getLogger } from "../packages/logtape.ts";
import { timeText } from "../core/iso_time.ts";
import { HaltError } from "../core/errors.ts";
import { examineTransactions } from "./examine_transactions.ts";
import { findOpen } from "./open_transactions.ts";
import { type SettleOptions, settleTransaction, writtenAt } from "./settle_transaction.ts";
import type { VendorCluster } from "./vendor.ts";

const log = getLogger(["onceflow", "kafka", "transactions"]);

/**
 * Called again and again while the offset is unstable. Concerns the ids that begin with the group's name.
 *
 * @throws {HaltError} where nothing proves how a forgotten one ended
 */
export async function settleUnstable(
  cluster: VendorCluster,
  groupId: string,
  options: SettleOptions,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const { open } = await findOpen(cluster, []);
    const examined = await examineTransactions(cluster, open, options.writesTo);
    for (const { part, transactionalId: id, kind, state } of examined) {
      if (!id?.startsWith(`${groupId}/`)) continue;
      if (kind === "forgotten" && state?.state !== "Ongoing") {
        await settleTransaction(cluster, id, options, signal);
        continue;
      }
      const reason = `An offset of ${groupId} waits for a transaction of ${id}, last written at ` +
        `${timeText(writtenAt(part, state))}: its coordinator is in ${state?.state}`;
      options.onNews?.(id, { kind: "waiting", reason });
    }
  } catch (error) {
    if (error instanceof HaltError || signal?.aborted) throw error;
    log.debug("Cannot find out why an offset is unstable: {reason}", { reason: String(error) });
  }
}
