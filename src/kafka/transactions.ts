/** The core's `Transactions` on Kafka: opens transactors, and reads what their transactions left behind. */
import { delay } from "../core/delay.ts";
import { TransactionError, type Transactions } from "../core/ports.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { fetchStableOffset } from "./stable_offset.ts";
import { openTransactor, type TransactorOptions } from "./transactor.ts";

const reopenMs = 200;

/** Disposing closes the connection that offsets are read over; transactors are disposed of by their owners. */
export function createTransactions(
  client: KafkaClient,
  options: TransactorOptions,
): Transactions & AsyncDisposable {
  const cluster = client.cluster();
  return {
    async open(transactionalId, signal) {
      while (true) {
        signal?.throwIfAborted();
        try {
          return await openTransactor(client, transactionalId, options);
        } catch (error) {
          // Fenced while opening, or the coordinator is out of reach: nothing was begun, so trying again is safe.
          if (error instanceof TransactionError && error.verdict === "fatal") throw error;
          await delay(reopenMs, signal);
        }
      }
    },
    stableOffset: (groupId, partition, signal) =>
      fetchStableOffset(cluster, groupId, partition, signal),
    [Symbol.asyncDispose]: () => cluster.disconnect(),
  };
}
