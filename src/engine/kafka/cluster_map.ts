/** Brokers, topics and leaders as they are. kafkajs's own metadata throws all of it away where one topic has an error. */
import type { TopicPartition } from "../core/record.ts";
import { anyBroker } from "./describe_topics.ts";
import { fetchMetadata, noTopicId } from "./topic_metadata.ts";
import type { VendorCluster } from "./vendor.ts";

/** A partition and the node that leads it, or -1. */
export interface PartitionLeader extends TopicPartition {
  /** In hexadecimal digits. */
  readonly topicId: string;
  readonly leader: number;
}

/** The cluster at one moment. */
export interface ClusterMap {
  readonly nodeIds: readonly number[];
  /** `host:port` of each node, as the cluster gives it to its clients. */
  readonly addresses: ReadonlyMap<number, string>;
  /** Brokers that are to hold partitions and are not among the nodes: they are down, and whoever lists nodes misses them. */
  readonly absentIds: readonly number[];
  readonly partitions: readonly PartitionLeader[];
}

/** Asks any broker about all topics that we may see. From then on `findBroker` of this cluster knows its nodes. */
export async function fetchClusterMap(cluster: VendorCluster): Promise<ClusterMap> {
  const { nodeIds, addresses, topics } = await fetchMetadata(await anyBroker(cluster));
  const { brokerPool } = cluster;
  if (!nodeIds.every((nodeId) => nodeId in brokerPool.brokers)) {
    // kafkajs learns its nodes only together with a topic, and throws where that has an error.
    const whole = topics.find(({ errorCode }) => errorCode === 0);
    if (whole) await brokerPool.refreshMetadata([whole.topic]);
    else if (topics.length === 0) await brokerPool.refreshMetadata([]);
  }
  const partitions = topics.flatMap(({ topic, topicId = noTopicId, partitions }) =>
    partitions.map(({ partition, leader }) => ({ topic, topicId, partition, leader }))
  );
  const held = new Set(
    topics.flatMap(({ partitions }) => partitions.flatMap(({ heldBy }) => heldBy)),
  );
  const absentIds = [...held].filter((id) => !nodeIds.includes(id));
  return { nodeIds, addresses, absentIds, partitions };
}
