/**
 * Teaches kafkajs's transactional producer transaction protocol 2 (KIP-890), where the cluster has agreed on it.
 *
 * Produce and TxnOffsetCommit take their partitions into the transaction themselves, so AddPartitionsToTxn and
 * AddOffsetsToTxn are not sent any more: three requests instead of five. And each EndTxn brings the epoch of the next
 * transaction, so that no late request can reach into a later one.
 */
import { endTxn, type TransactionIdentity, txnOffsetCommit } from "../transaction_requests.ts";
import { fetchTransactionVersion } from "../transaction_version.ts";
import type { VendorBroker, VendorCluster } from "../vendor.ts";
import { replacePart } from "../vendor_copy.ts";
import type { VendorEosManager } from "../vendor_producer.ts";

/** What kafkajs makes such a manager from. */
interface ManagerOptions {
  readonly cluster: VendorCluster;
  readonly transactional: boolean;
  readonly transactionalId?: string;
}

export function patchTransactionVersion(): void {
  replacePart<(options: ManagerOptions) => VendorEosManager>(
    "producer/eosManager/index.js",
    (create) => (options) => {
      const original = create(options);
      const { cluster, transactional, transactionalId } = options;
      if (!transactional || transactionalId === undefined) return original;
      return withProtocol2(original, cluster, transactionalId);
    },
  );
}

/** A manager that speaks the protocol which the cluster had agreed on when its id was initialised. */
export function withProtocol2(
  original: VendorEosManager,
  cluster: VendorCluster,
  transactionalId: string,
): VendorEosManager {
  /** Set where it is protocol 2. */
  let identity: TransactionIdentity | undefined;
  /** Of the transaction at hand. */
  const sequences = new Map<string, number>();
  let begun = false;
  const end = async (outcome: "commit" | "abort") => {
    if (!identity || !begun) return;
    const coordinator = await coordinatorOf(transactionalId, transactionCoordinator);
    const ended = identity;
    identity = await coordinator.connectionPool.send(endTxn(ended, outcome));
    if (outcome === "commit") cluster.onCommitted?.(ended);
    sequences.clear();
    begun = false;
  };
  const coordinatorOf = (groupId: string, coordinatorType: number): Promise<VendorBroker> =>
    cluster.findGroupCoordinator({ groupId, coordinatorType });
  return {
    ...original,
    usesProtocol2: () => identity !== undefined,
    getProducerId: () => identity?.producerId.toString() ?? original.getProducerId(),
    getProducerEpoch: () => identity?.producerEpoch ?? original.getProducerEpoch(),
    getSequence: (topic, partition) =>
      identity
        ? sequences.get(`${topic}/${partition}`) ?? 0
        : original.getSequence(topic, partition),
    updateSequence(topic, partition, increment) {
      if (!identity) return original.updateSequence(topic, partition, increment);
      const name = `${topic}/${partition}`;
      sequences.set(name, (sequences.get(name) ?? 0) + increment);
    },
    async initProducerId() {
      await original.initProducerId();
      const coordinator = await coordinatorOf(transactionalId, transactionCoordinator);
      if (await fetchTransactionVersion(coordinator) < 2) return;
      const producerId = BigInt(original.getProducerId());
      identity = { transactionalId, producerId, producerEpoch: original.getProducerEpoch() };
    },
    async addPartitionsToTransaction(topics) {
      if (!identity) return await original.addPartitionsToTransaction(topics);
      begun = true;
    },
    async sendOffsets(offsets) {
      if (!identity) return await original.sendOffsets(offsets);
      begun = true;
      const coordinator = await coordinatorOf(offsets.consumerGroupId, groupCoordinator);
      await coordinator.connectionPool.send(txnOffsetCommit(identity, offsets, 2));
    },
    async commit() {
      await end("commit");
      // Under protocol 2 it knows of no partition, and only becomes ready for the next transaction.
      await original.commit();
    },
    async abort() {
      await end("abort");
      await original.abort();
    },
  };
}

const groupCoordinator = 0;
const transactionCoordinator = 1;
