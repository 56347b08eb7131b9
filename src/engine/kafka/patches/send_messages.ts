/**
 * Replaces kafkajs's `sendMessages`, the step under `transaction.sendBatch`, by one that never re-sends.
 *
 * The original groups records with a quadratic copy, encodes each through small buffers, adds partitions to the
 * transaction once per broker, and on a retry groups again: a partition that moved is written twice with a new sequence.
 * Here every record names its partition, all partitions join the transaction in one request, each
 * batch is sent once, and any doubt is the caller's (the poison rule).
 */
import {
  encodedBytes,
  encodedBytesMaxOfAll,
  encodedBytesOfAll,
  type OutputRecord,
} from "../../core/record.ts";
import { noLeaderError } from "../no_leader.ts";
import { type ProduceBatch, produceRequest } from "../produce_request.ts";
import { RecordClock } from "../record_clock.ts";
import type { VendorCluster } from "../vendor.ts";
import { replacePart } from "../vendor_copy.ts";
import type { VendorBatch, VendorEosManager } from "../vendor_producer.ts";
import { whileConcurrent } from "../while_concurrent.ts";

/** The broker's `max.message.bytes` bounds one batch; its default is 1,048,588. */
export const batchBytesMaxDefault = 900_000;

/** The arguments that kafkajs gives to its sender. */
interface Sender {
  readonly cluster: VendorCluster;
  readonly eosManager: VendorEosManager;
}

type SendMessages = (batch: VendorBatch<OutputRecord>) => Promise<unknown>;

export function patchSendMessages(): void {
  replacePart<(sender: Sender) => SendMessages>(
    "producer/sendMessages.js",
    () => (sender) => ({ topicMessages }) => {
      const [all, ...more] = topicMessages;
      if (all && more.length === 0) return sendOnce(sender, all.messages);
      return sendOnce(sender, topicMessages.flatMap(({ messages }) => messages));
    },
  );
}

/** Batches by the leader that they go to. */
interface Addressed {
  readonly groups: readonly ProduceBatch[];
  readonly leaders: ReadonlyMap<number, ProduceBatch[]>;
}

/** By the list of records: kafkajs's `sendBatch` hands that on as it is, and nothing beside it. */
const addressed = new WeakMap<readonly OutputRecord[], Addressed>();

/**
 * Finds out where these records go before the transaction has begun that sends them: a partition without a leader is known
 * while nothing is in doubt yet.
 */
export async function addressRecords(
  cluster: VendorCluster,
  records: readonly OutputRecord[],
): Promise<void> {
  addressed.set(records, await address(cluster, records));
}

async function address(
  cluster: VendorCluster,
  records: readonly OutputRecord[],
): Promise<Addressed> {
  const groups = groupByPartition(records);
  await cluster.addMultipleTargetTopics([...new Set(groups.map(({ topic }) => topic))]);
  await cluster.refreshMetadataIfNecessary();
  return { groups, leaders: await leadersNow(cluster, groups) };
}

/** Groups, joins the transaction, sends each batch once. Rejects at the first failure; whatever was sent stays sent. */
export async function sendOnce(
  { cluster, eosManager }: Sender,
  records: readonly OutputRecord[],
): Promise<void> {
  const isTransactional = eosManager.isTransactional();
  const found = addressed.get(records);
  // Here a partition without a leader would be told as if nothing had begun.
  if (isTransactional && !found) throw new TypeError("records that were not addressed");
  const { groups, leaders } = found ?? await address(cluster, records);
  const clock = cluster.recordClock ?? new RecordClock();
  if (isTransactional) await addPartitions(eosManager, groups);
  await Promise.all([...leaders].map(async ([nodeId, batches]) => {
    const broker = await cluster.findBroker({ nodeId });
    // In flight together: one connection keeps their order, and a failure of any poisons the producer.
    await Promise.all(
      rounds(batches).map((round) => {
        const request = produceRequest(round, eosManager, clock);
        const send = () => broker.connectionPool.send(request);
        // Under protocol 2 it is this request that joins the transaction; what was refused keeps its sequence numbers.
        return eosManager.usesProtocol2?.() ? whileConcurrent(send) : send();
      }),
    );
  }));
}

/** Linear grouping; the records' order within a partition stays. */
export function groupByPartition(records: readonly OutputRecord[]): ProduceBatch[] {
  const groups = new Map<string, Map<number, OutputRecord[]>>();
  for (const record of records) {
    let partitions = groups.get(record.topic);
    if (!partitions) groups.set(record.topic, partitions = new Map());
    const group = partitions.get(record.partition);
    if (group) group.push(record);
    else partitions.set(record.partition, [record]);
  }
  return [...groups].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, group]) => ({ topic, partition, records: group }))
  );
}

/** What is known of a partition without a leader may be old: asked once more, before anything is sent. */
async function leadersNow(cluster: VendorCluster, groups: readonly ProduceBatch[]) {
  try {
    return leadersOf(cluster, groups);
  } catch {
    await cluster.refreshMetadata();
    return leadersOf(cluster, groups);
  }
}

function leadersOf(
  cluster: VendorCluster,
  groups: readonly ProduceBatch[],
): Map<number, ProduceBatch[]> {
  const leaders = new Map<number, ProduceBatch[]>();
  for (const { topic, partition, records } of groups) {
    const leader = cluster.findTopicPartitionMetadata(topic)
      .find(({ partitionId }) => partitionId === partition)?.leader;
    if (leader === undefined || leader < 0) {
      throw noLeaderError({ topic, partition });
    }
    const batches = leaders.get(leader) ?? [];
    const parts = splitByBytes(records, cluster.batchBytesMax?.(topic) ?? batchBytesMaxDefault);
    batches.push(...parts.map((part) => ({ topic, partition, records: part })));
    leaders.set(leader, batches);
  }
  return leaders;
}

/** Cuts a run of records into batches under the byte limit; a single record over it stays alone. */
export function splitByBytes(
  records: readonly OutputRecord[],
  batchBytesMax: number,
): (readonly OutputRecord[])[] {
  const fits = encodedBytesMaxOfAll(records) <= batchBytesMax ||
    encodedBytesOfAll(records) <= batchBytesMax;
  if (fits) return [records];
  const parts: (readonly OutputRecord[])[] = [];
  let part: OutputRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = encodedBytes(record);
    if (part.length > 0 && bytes + size > batchBytesMax) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/** A produce request may hold one batch per partition: the first batches of all, then the second ones, and so on. */
function rounds(batches: ProduceBatch[]): ProduceBatch[][] {
  const seen = new Map<string, number>();
  const result: ProduceBatch[][] = [];
  for (const batch of batches) {
    const key = `${batch.topic}/${batch.partition}`;
    const round = seen.get(key) ?? 0;
    seen.set(key, round + 1);
    (result[round] ??= []).push(batch);
  }
  return result;
}

function addPartitions(
  eosManager: VendorEosManager,
  groups: readonly ProduceBatch[],
): Promise<void> {
  const topics = new Map<string, { partition: number }[]>();
  for (const { topic, partition } of groups) {
    const partitions = topics.get(topic) ?? [];
    partitions.push({ partition });
    topics.set(topic, partitions);
  }
  const topicData = [...topics].map(([topic, partitions]) => ({ topic, partitions }));
  return whileConcurrent(() => eosManager.addPartitionsToTransaction(topicData));
}
