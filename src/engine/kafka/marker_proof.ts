/** Looks for the markers that a transaction has left in other partitions: they say how it ended. Reads logs, changes nothing. */
import type { TopicPartition } from "../core/record.ts";
import { controlKey } from "./codec/batch_walk.ts";
import type { RecordBatch } from "./codec/record_batch.ts";
import { fetchRequest } from "./fetch_request.ts";
import { fetchClusterMap } from "./cluster_map.ts";
import { isLookedInto } from "./open_transactions.ts";
import type { Outcome } from "./transaction_outcome.ts";
import type { OpenTransaction } from "./transaction_states.ts";
import type { VendorBroker, VendorCluster } from "./vendor.ts";

/** How much is read at most, and how long before the transaction's last record a reader begins. */
const bytesMax = 32 * 1024 * 1024;
const partitionBytesMax = 1024 * 1024;
export const earlierMs = 1_000;

/** A proof, and where it lies. */
export interface MarkerProof extends TopicPartition {
  readonly outcome: Outcome;
  readonly offset: number;
}

/**
 * The first marker of that transaction in these topics. Only under protocol 2: there each transaction has an epoch of its
 * own and its markers have the next one, so that no other transaction can have left it.
 */
export async function proofByMarker(
  cluster: VendorCluster,
  open: OpenTransaction,
  topics: readonly string[] | undefined,
): Promise<MarkerProof | undefined> {
  const { partitions } = await fetchClusterMap(cluster);
  const others = partitions.filter(({ topic, partition, leader }) =>
    leader >= 0 &&
    isLookedInto(topic, topics) &&
    !(topic === open.topic && partition === open.partition)
  );
  let bytes = 0;
  for (const { leader: nodeId, topicId, ...place } of others) {
    const broker = await cluster.findBroker({ nodeId });
    for await (
      const batch of batchesSince(broker, { ...place, topicId }, open.lastTimestamp - earlierMs)
    ) {
      bytes += batch.bytes.length;
      if (bytes > bytesMax) return undefined;
      if (!batch.isControl || batch.producerId !== open.producerId) continue;
      if (batch.producerEpoch !== open.producerEpoch + 1) continue;
      const outcome = outcomeOf(batch);
      if (outcome) return { ...place, outcome, offset: batch.baseOffset };
    }
  }
}

/** A control record's key is a version and a type: 0 ends by abort, 1 by commit. */
function outcomeOf(batch: RecordBatch): Outcome | undefined {
  const key = controlKey(batch);
  if (!key || key.length < 4) return undefined;
  const type = (key[2] ?? 0) << 8 | (key[3] ?? 0);
  return type === 0 ? "abort" : type === 1 ? "commit" : undefined;
}

/** What lies in a partition from that time on, to the end that it has now. */
export async function* batchesSince(
  broker: VendorBroker,
  place: TopicPartition & { readonly topicId: string },
  timestamp: number,
): AsyncGenerator<RecordBatch> {
  const at = async (when: number | string) => {
    const { responses } = await broker.listOffsets({
      isolationLevel: 0,
      topics: [{
        topic: place.topic,
        partitions: [{ partition: place.partition, timestamp: String(when) }],
      }],
    });
    return Number(responses[0]?.partitions[0]?.offset);
  };
  const end = await at(latest);
  // -1: no record is that young.
  const from = await at(timestamp);
  let offset = from < 0 ? Math.max(0, end - 1) : from;
  while (offset < end) {
    const { partitions } = await broker.connectionPool.send(
      fetchRequest([{ ...place, offset, leaderEpoch: -1, lastFetchedEpoch: -1 }], {
        waitMsMax: 100,
        bytesMax: partitionBytesMax,
        partitionBytesMax,
        isolationLevel: 0,
      }),
    );
    const batches = partitions[0]?.batches ?? [];
    if (batches.length === 0) return;
    for (const batch of batches) {
      yield batch;
      offset = batch.lastOffset + 1;
    }
  }
}

const latest = "-1";
