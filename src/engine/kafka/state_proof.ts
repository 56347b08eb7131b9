/**
 * Looks into `__transaction_state` for what the coordinator has written down of a transaction: it says how that ended when
 * the coordinator itself has gone on to the next one. Needs the right to read that topic; reads only.
 */
import { BatchWalk } from "./codec/batch_walk.ts";
import type { ReadRecord } from "./codec/fetched_record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { fetchClusterMap } from "./cluster_map.ts";
import { batchesSince, earlierMs, type MarkerProof } from "./marker_proof.ts";
import { stateTopic } from "./open_transactions.ts";
import type { Outcome } from "./transaction_outcome.ts";
import type { OpenTransaction } from "./transaction_states.ts";
import type { VendorCluster } from "./vendor.ts";

const bytesMax = 32 * 1024 * 1024;
const prepareCommit = 2;
const prepareAbort = 3;

/**
 * The record in which the coordinator decided. Only under protocol 2: there it carries the epoch behind that of the
 * transaction, which no other transaction has. Undefined where it may not be read, or is compacted away.
 */
export async function proofByState(
  cluster: VendorCluster,
  transactionalId: string,
  open: OpenTransaction,
): Promise<MarkerProof | undefined> {
  const { partitions } = await fetchClusterMap(cluster);
  const states = partitions.filter(({ topic }) => topic === stateTopic);
  const number = partitionOfId(transactionalId, states.length);
  const place = states.find(({ partition, leader }) => partition === number && leader >= 0);
  if (!place) return undefined;
  const { topic, partition, topicId, leader: nodeId } = place;
  const broker = await cluster.findBroker({ nodeId });
  const from = open.lastTimestamp - earlierMs;
  let bytes = 0;
  for await (const batch of batchesSince(broker, { topic, partition, topicId }, from)) {
    bytes += batch.bytes.length;
    if (bytes > bytesMax) return undefined;
    const records: ReadRecord[] = [];
    new BatchWalk(batch, 0).take(records, { recordsMax: Infinity, bytesMax: Infinity });
    for (const { key, value, offset } of records) {
      const outcome = decidedIn(key, value, transactionalId, open);
      if (outcome) return { topic, partition, outcome, offset };
    }
  }
}

/** What this entry decides about that transaction. Exported for its test. */
export function decidedIn(
  key: Uint8Array | null,
  value: Uint8Array | null,
  transactionalId: string,
  open: Pick<OpenTransaction, "topic" | "partition" | "producerId" | "producerEpoch">,
): Outcome | undefined {
  if (!key || !value || idIn(key) !== transactionalId) return undefined;
  const version = new WireReader(value).int16();
  if (version < 0 || version > 1) return undefined;
  const reader = new WireReader(value.subarray(2), version === 0 ? "classic" : "compact");
  if (reader.int64() !== open.producerId) return undefined;
  if (reader.int16() !== open.producerEpoch + 1) return undefined;
  reader.int32(); // timeout
  const status = reader.int8();
  const joined = reader.array(() => {
    const topic = reader.string();
    const numbers = reader.array(() => reader.int32());
    reader.tags();
    return topic === open.topic && numbers.includes(open.partition);
  });
  if (!joined.includes(true)) return undefined;
  return status === prepareCommit ? "commit" : status === prepareAbort ? "abort" : undefined;
}

function idIn(key: Uint8Array): string | null {
  const reader = new WireReader(key, "classic");
  return reader.int16() === 0 ? reader.string() : null;
}

/** As the coordinator finds it: Java's hash of the id. */
function partitionOfId(transactionalId: string, count: number): number {
  let hash = 0;
  for (let at = 0; at < transactionalId.length; at++) {
    hash = Math.imul(hash, 31) + transactionalId.charCodeAt(at) | 0;
  }
  return (hash & 0x7fffffff) % count;
}
