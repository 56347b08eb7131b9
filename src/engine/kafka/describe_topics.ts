/**
 * What exists, topic by topic. kafkajs asks for all topics that a cluster object was ever told of, and rejects with one
 * error for all of them, without a name.
 */
import { fetchTopicMetadata } from "./topic_metadata.ts";
import { createErrorFromCode, type VendorBroker, type VendorCluster } from "./vendor.ts";

/** One topic as a broker describes it. */
export interface TopicDescription {
  readonly topic: string;
  /** The protocol's error for this topic; 0 where there is none. */
  readonly errorCode: number;
  /** Its identity (KIP-516); undefined where the cluster gives its topics none. */
  readonly topicId?: string | undefined;
  readonly partitions: number;
  /** Partitions that have no leader now. */
  readonly leaderless: readonly number[];
  /** Replicas of the partition that has the fewest. */
  readonly replicas: number;
  /** Partitions of which a replica is not in sync. */
  readonly behind: readonly number[];
}

/** Asks about these topics, and makes none of them. */
export async function describeTopics(
  cluster: VendorCluster,
  topics: readonly string[],
): Promise<readonly TopicDescription[]> {
  if (topics.length === 0) return [];
  const found = await fetchTopicMetadata(await anyBroker(cluster), topics);
  return found.map(({ topic, errorCode, topicId, partitions }) => ({
    topic,
    errorCode,
    topicId,
    partitions: partitions.length,
    leaderless: partitions.filter(({ leader }) => leader < 0).map(({ partition }) => partition),
    replicas: Math.min(...partitions.map(({ replicas }) => replicas)),
    behind: partitions.filter(({ replicas, inSync }) => inSync < replicas)
      .map(({ partition }) => partition),
  }));
}

/** The protocol's error of a topic, with the topic's name; undefined where there is none. */
export function topicError(
  { topic, errorCode }: Pick<TopicDescription, "topic" | "errorCode">,
): Error | undefined {
  if (errorCode === 0) return undefined;
  return Object.assign(createErrorFromCode()(errorCode), { topic, apiName: "Metadata" });
}

/** Any broker of the cluster that can be reached: what it is asked, each of them can answer. */
export async function anyBroker(cluster: VendorCluster): Promise<VendorBroker> {
  if (!cluster.isConnected()) await cluster.connect();
  return await cluster.brokerPool.findConnectedBroker();
}
