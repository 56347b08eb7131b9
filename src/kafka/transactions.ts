/** The core's `Transactions` on Kafka: opens transactors, and reads what their transactions left behind. */
import { delay } from "../core/delay.ts";
import { TransactionError, type Transactions } from "../core/ports.ts";
import { formatPartition } from "../core/record.ts";
import { named } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { fetchStableOffset } from "./stable_offset.ts";
import { openTransactor, type TransactorOptions } from "./transactor.ts";

const reopenMs = 200;
/** After so long the caller is told that it cannot be opened, and may say so before it tries again. */
const openMsMax = 5_000;

/** Disposing closes the connection that offsets are read over; transactors are disposed of by their owners. */
export function createTransactions(
  client: KafkaClient,
  options: TransactorOptions,
): Transactions & AsyncDisposable {
  const cluster = client.cluster();
  return {
    async open(transactionalId, signal) {
      const startedAt = performance.now();
      while (true) {
        signal?.throwIfAborted();
        try {
          await options.topics?.lookUp();
          return await openTransactor(client, transactionalId, options);
        } catch (error) {
          // Fenced while opening, or the coordinator is out of reach: nothing was begun, so trying again is safe.
          const passes = !(error instanceof TransactionError) || error.verdict === "unknown" ||
            error.verdict === "migrated";
          if (!passes || performance.now() - startedAt > openMsMax) throw error;
          await delay(reopenMs, signal);
        }
      }
    },
    stableOffset: (groupId, partition, signal) => {
      const topics = [partition.topic];
      return named(
        `Cannot read the offset of ${groupId} on ${formatPartition(partition)}`,
        { groupId, topics, user: client.user },
        () => fetchStableOffset(cluster, groupId, partition, signal),
      );
    },
    [Symbol.asyncDispose]: () => cluster.disconnect(),
  };
}
