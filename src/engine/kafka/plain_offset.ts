/** A group's committed offset as kafkajs asks for it: without waiting for transactions that are pending on it. */
import type { CommittedOffset } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import type { VendorCluster } from "./vendor.ts";

/** For what does not decide where processing starts; that is {@linkcode fetchStableOffset}'s. */
export async function fetchPlainOffset(
  cluster: VendorCluster,
  groupId: string,
  { topic, partition }: TopicPartition,
): Promise<CommittedOffset> {
  const coordinator = await cluster.findGroupCoordinator({ groupId });
  const { responses } = await coordinator.offsetFetch({
    groupId,
    topics: [{ topic, partitions: [{ partition }] }],
  });
  const found = responses[0]?.partitions[0];
  return { offset: Number(found?.offset ?? -1), metadata: found?.metadata ?? "" };
}
