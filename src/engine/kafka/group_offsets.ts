/** All committed offsets of a group: OffsetFetch version 7 without a list of topics, which kafkajs cannot ask for stably. */
import type { TopicPartition } from "../core/record.ts";
import { offsetFetch } from "./offset_fetch.ts";
import { createErrorFromCode, type VendorCluster } from "./vendor.ts";

/** One committed offset. */
export interface GroupOffset extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number;
  readonly metadata: string;
  /** A transaction that would change it has not ended yet (KIP-447). */
  readonly pending: boolean;
}

const unstableOffsetCommit = 88;

/**
 * What the group has committed, and on which partitions a transaction is pending.
 *
 * @throws the protocol error of the group or of a partition
 */
export async function fetchGroupOffsets(
  cluster: VendorCluster,
  groupId: string,
): Promise<readonly GroupOffset[]> {
  const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
  const { connectionPool } = coordinator;
  // The stable answer names the pending partitions but not their offsets; the plain one has those.
  const stable = await connectionPool.send(offsetFetch(groupId, undefined, true));
  const plain = await connectionPool.send(offsetFetch(groupId, undefined, false));
  const pending = new Set(
    stable.filter(({ errorCode }) => errorCode === unstableOffsetCommit).map(keyOf),
  );
  return plain.map(({ topic, partition, offset, metadata, errorCode }) => {
    if (errorCode !== 0) throw createErrorFromCode()(errorCode);
    return { topic, partition, offset, metadata, pending: pending.has(`${topic}/${partition}`) };
  });
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
