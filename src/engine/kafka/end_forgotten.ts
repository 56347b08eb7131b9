/**
 * Ends a transaction that the coordinator has forgotten in some partitions. Decides nothing about the outcome.
 *
 * By a marker where we may write one: nothing can come between. Else the partitions join another transaction of the same
 * id, which is ended as that one was; that needs no right beyond those of a producer.
 */
import { offsetsTopic } from "./open_transactions.ts";
import { whileConcurrent } from "./while_concurrent.ts";
import { findTransactionCoordinator } from "./transaction_coordinator.ts";
import type { Outcome } from "./transaction_outcome.ts";
import type { OpenTransaction } from "./transaction_states.ts";
import type { VendorCluster } from "./vendor.ts";
import { writeMarkers } from "./write_markers.ts";

/** Which id, and what of it is open where. */
export interface ForgottenParts {
  readonly transactionalId: string;
  /** The group whose offset is among them; an offsets partition can be joined by its name alone. */
  readonly groupId: string;
  readonly parts: readonly OpenTransaction[];
  readonly outcome: Outcome;
  /** Whether every transaction has an epoch of its own: then a marker cannot reach a later one. */
  readonly protocol2: boolean;
  readonly mayWriteMarkers: boolean;
}

/** Longer than any restart of whoever is at it: a transaction that times out here would abort what it has joined. */
const timeoutMs = 15 * 60_000;

/** @throws the broker's error; nothing is known of the parts then, look again */
export async function endForgotten(
  cluster: VendorCluster,
  { transactionalId, groupId, parts, outcome, protocol2, mayWriteMarkers }: ForgottenParts,
): Promise<void> {
  if (protocol2 && mayWriteMarkers && await writeMarkers(cluster, parts, outcome)) return;
  const coordinator = await findTransactionCoordinator(cluster, transactionalId);
  const { producerId, producerEpoch } = await whileConcurrent(() =>
    coordinator.initProducerId({ transactionalId, transactionTimeout: timeoutMs })
  );
  if (
    !protocol2 && mayWriteMarkers && await writeMarkers(cluster, parts, outcome, producerEpoch)
  ) return;
  const producer = { transactionalId, producerId, producerEpoch };
  const records = parts.filter(({ topic }) => topic !== offsetsTopic);
  if (records.length > 0) {
    const topics = [...Map.groupBy(records, ({ topic }) => topic)].map(([topic, own]) => ({
      topic,
      partitions: own.map(({ partition }) => partition),
    }));
    await whileConcurrent(() => coordinator.addPartitionsToTxn({ ...producer, topics }));
  }
  if (records.length < parts.length) {
    await whileConcurrent(() => coordinator.addOffsetsToTxn({ ...producer, groupId }));
  }
  await whileConcurrent(() =>
    coordinator.endTxn({ ...producer, transactionResult: outcome === "commit" })
  );
}
