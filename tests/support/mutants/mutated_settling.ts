/** Ways to go on behind a transaction that Kafka has forgotten: the right one, and some that make one mistake each. */
import type { Transactor } from "../../../src/engine/core/ports.ts";
import { endForgotten } from "../../../src/engine/kafka/end_forgotten.ts";
import { withCluster } from "../../../src/engine/kafka/group_standing.ts";
import type { KafkaClient } from "../../../src/engine/kafka/kafka_client.ts";
import { lastTransaction } from "../../../src/engine/kafka/last_transaction.ts";
import { findOpen } from "../../../src/engine/kafka/open_transactions.ts";
import {
  settleTransaction,
  speaksProtocol2,
} from "../../../src/engine/kafka/settle_transaction.ts";
import { createTransactions } from "../../../src/engine/kafka/transactions.ts";
import { openTransactor } from "../../../src/engine/kafka/transactor.ts";

/** Opens an id whose last transaction some partition still holds open. */
export type GoingOn = (client: KafkaClient, transactionalId: string) => Promise<Transactor>;

/** What only an operator of the cluster may read is no way out for any of them. */
const options = { transactionTimeoutMs: 60_000, mayReadState: false };

/** The product's own. */
export const asItEnded: GoingOn = async (client, id) => {
  const transactions = createTransactions(client, options);
  const transactor = await transactions.open(id);
  return {
    transactionalId: id,
    commit: (write) => transactor.commit(write),
    async [Symbol.asyncDispose]() {
      await transactor[Symbol.asyncDispose]();
      await transactions[Symbol.asyncDispose]();
    },
  };
};

/** What hangs is taken for given up. */
export const guessedAsAbort: GoingOn = async (client, transactionalId) => {
  await withCluster(client, async (cluster) => {
    const last = await lastTransaction(cluster, transactionalId);
    const { open } = await findOpen(cluster, undefined);
    const parts = open.filter(({ producerId }) => producerId === last?.producerId);
    const protocol2 = await speaksProtocol2(cluster);
    const ending = { parts, outcome: "abort" as const, protocol2, mayWriteMarkers: true };
    await endForgotten(cluster, { transactionalId, groupId: "", ...ending });
  });
  return await openTransactor(client, transactionalId, options);
};

/** InitProducerId before the question how the last one ended: with it the coordinator has forgotten that, too. */
export const askedTooLate: GoingOn = async (client, id) => {
  const transactor = await openTransactor(client, id, options);
  await withCluster(client, (cluster) => settleTransaction(cluster, id, options));
  return transactor;
};

/** With the id as it is: its next marker ends what hangs. */
export const atOnce: GoingOn = (client, id) => openTransactor(client, id, options);
