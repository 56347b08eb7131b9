/** Ways to commit offsets for a group that make one deliberate mistake each. */
import type { AtomicWrite, Transactions } from "../../../src/engine/core/ports.ts";
import { fetchPlainOffset } from "../../../src/engine/kafka/plain_offset.ts";
import { withCluster } from "../../../src/engine/kafka/group_standing.ts";
import type { KafkaClient } from "../../../src/engine/kafka/kafka_client.ts";

/** As kafkajs's `sendOffsets` does it: the coordinator takes them from anybody. */
export function withoutGeneration(write: AtomicWrite): AtomicWrite {
  return { ...write, member: undefined };
}

/**
 * The generation is read when the offsets are sent: between the answers to JoinGroup and SyncGroup a member has the next one
 * already, and does not know what it has lost.
 */
export function inTheNextGeneration({ member, ...write }: AtomicWrite): AtomicWrite {
  return { ...write, member: member && { ...member, generationId: member.generationId + 1 } };
}

/** The offset as it stands, whatever is pending. */
export function withoutWaiting(client: KafkaClient): Transactions["stableOffset"] {
  return (groupId, place) =>
    withCluster(client, (cluster) => fetchPlainOffset(cluster, groupId, place));
}
