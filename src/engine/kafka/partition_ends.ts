/** Where partitions end now, all of them in two requests a broker. It repeats nothing. */
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { fetchClusterMap } from "./cluster_map.ts";
import { anyBroker } from "./describe_topics.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { fetchTopicMetadata } from "./topic_metadata.ts";
import type { VendorBroker, VendorCluster } from "./vendor.ts";

/** The end of one partition, or that nobody leads it. */
export interface PartitionEnd extends TopicPartition {
  /** False while the partition has no leader: then the offsets are -1. */
  readonly led: boolean;
  /** The end for readers of committed records; -1 where the leader did not say. */
  readonly lastStableOffset: number;
  /** The end for everybody; -1 where the leader did not say. */
  readonly highWatermark: number;
}

/**
 * Asks the leaders that the metadata names, which is read anew. One partition that has none, or whose leader refuses to
 * say, hides no other. A partition may be asked for twice; what does not exist has no end. `onReached` is told as soon as
 * any broker has answered.
 *
 * @throws when none does
 */
export async function readPartitionEnds(
  cluster: VendorCluster,
  partitions: readonly TopicPartition[],
  onReached: () => void = () => {},
): Promise<readonly PartitionEnd[]> {
  const places = await placesOf(cluster, partitions);
  onReached();
  const byLeader = Map.groupBy(places, ({ leader }) => leader);
  const answers = await Promise.all([...byLeader].map(async ([nodeId, led]) => {
    const stable = new Map<string, number>();
    const high = new Map<string, number>();
    if (nodeId >= 0) {
      // A leader that has just moved says nothing this time.
      await cluster.findBroker({ nodeId }).then((broker) =>
        Promise.all([ends(broker, led, 1, stable), ends(broker, led, 0, high)])
      ).catch(() => {});
    }
    return led.map(({ topic, partition }): PartitionEnd => {
      const key = formatPartition({ topic, partition });
      const [lastStableOffset, highWatermark] = [stable.get(key) ?? -1, high.get(key) ?? -1];
      return { topic, partition, led: nodeId >= 0, lastStableOffset, highWatermark };
    });
  }));
  return answers.flat();
}

/**
 * The first committed record of that time or later (milliseconds since the epoch) in each partition, by its name
 * (`orders-3`). -1 where there is none; a partition whose leader does not say is missing.
 */
export async function readOffsetsAt(
  cluster: VendorCluster,
  partitions: readonly TopicPartition[],
  timestamp: number,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const byLeader = Map.groupBy(await placesOf(cluster, partitions), ({ leader }) => leader);
  await Promise.all([...byLeader].map(async ([nodeId, led]) => {
    if (nodeId < 0) return;
    await ends(await cluster.findBroker({ nodeId }), led, 1, found, String(timestamp));
  }));
  return found;
}

/** Who leads these partitions, as far as they exist. */
async function placesOf(cluster: VendorCluster, partitions: readonly TopicPartition[]) {
  // A broker refuses a request that names a partition twice.
  const wanted = new Set(partitions.map(formatPartition));
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const found = await fetchTopicMetadata(await anyBroker(cluster), topics);
  const places = found.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, leader }) => ({ topic, partition, leader }))
  ).filter((place) => wanted.has(formatPartition(place)));
  const { brokers } = cluster.brokerPool;
  // kafkajs finds only nodes that it was told of.
  if (places.some(({ leader }) => leader >= 0 && !(leader in brokers))) {
    await fetchClusterMap(cluster).catch(() => {});
  }
  return places;
}

async function ends(
  broker: VendorBroker,
  partitions: readonly TopicPartition[],
  isolationLevel: 0 | 1,
  found: Map<string, number>,
  timestamp = "-1",
): Promise<void> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, of]) => ({
    topic,
    partitions: of.map(({ partition }) => ({ partition, timestamp })),
  }));
  try {
    const { responses } = await broker.listOffsets({ isolationLevel, topics });
    for (const { topic, partitions } of responses) {
      for (const { partition, offset } of partitions) {
        found.set(formatPartition({ topic, partition }), Number(offset));
      }
    }
  } catch (error) {
    // kafkajs rejects the whole answer for the error of one partition.
    if (partitions.length === 1 || protocolErrorType(error) === undefined) return;
    await Promise.all(
      partitions.map((one) => ends(broker, [one], isolationLevel, found, timestamp)),
    );
  }
}
