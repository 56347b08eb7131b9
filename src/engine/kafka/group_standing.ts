/** Shows where a group stands on every partition: committed, start and ends of the log, lag. Changes nothing. */
import type { TopicPartition } from "../core/record.ts";
import { describeGroup } from "./describe_group.ts";
import { describeTopics, type TopicDescription, topicError } from "./describe_topics.ts";
import type { GroupDescription } from "./group_description.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { fetchGroupOffsets, type GroupOffset } from "./group_offsets.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { permitted } from "./missing_permission.ts";
import { readLogRange } from "./log_range.ts";
import type { VendorCluster } from "./vendor.ts";

/** One partition of a group. */
export interface PartitionStanding extends TopicPartition {
  /** The next offset to read, or -1 where none is committed. */
  readonly committed: number;
  readonly metadata: string;
  /** A transaction that would move the offset is open. */
  readonly pending: boolean;
  /** Undefined where the topic or the partition does not exist. */
  readonly log?: {
    readonly start: number;
    /** The last stable offset: records above it are not committed yet. */
    readonly stableEnd: number;
    readonly highWatermark: number;
  };
  /** Offsets from the committed one (or the start of the log) to the stable end; markers of transactions count too. */
  readonly lag?: number;
}

/** A group and its partitions. */
export interface GroupStanding extends GroupDescription {
  readonly groupId: string;
  readonly partitions: readonly PartitionStanding[];
}

/** Where a group stands on all partitions of the topics that it has committed offsets for, and of `topics`. */
export async function showOffsets(
  client: KafkaClient,
  groupId: string,
  topics: readonly string[] = [],
): Promise<GroupStanding> {
  const request = { groupId, topics, user: client.user };
  return await withCluster(client, (cluster) =>
    permitted(request, async () => {
      const { operations: _, ...description } = await describeGroup(cluster, groupId);
      const offsets = await fetchGroupOffsets(cluster, groupId);
      const names = [...new Set([...topics, ...offsets.map(({ topic }) => topic)])].sort();
      const partitions: PartitionStanding[] = [];
      for (const { topic, partitions: count } of await existing(cluster, names)) {
        const known = offsets.filter((offset) => offset.topic === topic);
        const last = Math.max(count, ...known.map(({ partition }) => partition + 1));
        for (let partition = 0; partition < last; partition++) {
          const committed = known.find((offset) => offset.partition === partition);
          if (partition >= count && !committed) continue;
          partitions.push(
            await standingOf(cluster, { topic, partition }, committed, partition < count),
          );
        }
      }
      return { groupId, ...description, partitions };
    }));
}

async function standingOf(
  cluster: VendorCluster,
  place: TopicPartition,
  committed: GroupOffset | undefined,
  exists: boolean,
): Promise<PartitionStanding> {
  const known = {
    ...place,
    committed: committed?.offset ?? -1,
    metadata: committed?.metadata ?? "",
    pending: committed?.pending ?? false,
  };
  if (!exists) return known;
  const { start, end: stableEnd } = await readLogRange(cluster, place);
  const { end: highWatermark } = await readLogRange(cluster, place, { isolationLevel: 0 });
  const lag = stableEnd - (known.committed < 0 ? start : known.committed);
  return { ...known, log: { start, stableEnd, highWatermark }, lag };
}

/** The topics with their partitions; one that does not exist has none. */
async function existing(
  cluster: VendorCluster,
  topics: readonly string[],
): Promise<readonly TopicDescription[]> {
  const described = await describeTopics(cluster, topics);
  for (const description of described) {
    const error = topicError(description);
    if (error && protocolErrorType(error) !== "UNKNOWN_TOPIC_OR_PARTITION") throw error;
  }
  return described.toSorted((a, b) => a.topic < b.topic ? -1 : 1);
}

/** Connects for one piece of work. */
export async function withCluster<T>(
  client: KafkaClient,
  act: (cluster: VendorCluster) => Promise<T>,
): Promise<T> {
  const cluster = client.cluster();
  try {
    await cluster.connect();
    return await act(cluster);
  } finally {
    await cluster.disconnect();
  }
}
