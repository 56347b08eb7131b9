/** Reads one partition without a group, from any offset: for rebuilds, listings and redrives. */
import type { PartitionReader } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import { Fetcher } from "./fetcher.ts";
import { fetcherDefaults } from "./fetcher_options.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { findDivergence } from "./find_divergence.ts";
import { readLogRange } from "./log_range.ts";
import { asMissingPermission, permitted } from "./missing_permission.ts";
import { PartitionFeed } from "./partition_feed.ts";
import { fetchTopicIdOrHalt } from "./topic_id.ts";

const bufferBytesMax = 8 * 1024 * 1024;

/**
 * Opens a reader of one partition under read_committed; it owns its connections. Runs are to be taken up to
 * `range().end`: past it `next` waits for new records.
 */
export async function openPartitionReader(
  client: KafkaClient,
  partition: TopicPartition,
  fromOffset: number,
): Promise<PartitionReader & AsyncDisposable> {
  const cluster = client.cluster();
  try {
    await cluster.connect();
  } catch (error) {
    await cluster.disconnect().catch(() => {});
    throw error;
  }
  const request = { topics: [partition.topic], needs: ["Read"], user: client.user };
  // Nobody else says so where a reader has no lane.
  const refused = (error: unknown, apiName?: string) => {
    if (apiName && error instanceof Error) Object.assign(error, { apiName });
    const missing = asMissingPermission(error, request);
    if (missing) feed.fail(missing);
  };
  const fetcher = new Fetcher(cluster, fetcherDefaults, {
    refused: (_, error, apiName) => refused(error, apiName),
    unanswered: (_, error) => refused(error),
    answered: () => {},
    served: () => {},
  });
  const feed: PartitionFeed = new PartitionFeed(partition, {
    bufferBytesMax: () => bufferBytesMax,
    unpackedBytesMax: cluster.unpackedBytesMax,
    range: () => permitted(request, () => readLogRange(cluster, partition)),
    topicId: () => permitted(request, () => fetchTopicIdOrHalt(cluster, partition.topic)),
    divergence: (mark, signal) =>
      findDivergence(cluster, { ...partition, readId: feed.readId }, mark, signal),
    onHungry: () => fetcher.wake(),
  });
  // From here on it reads this topic and no other of its name.
  try {
    await feed.topicId();
  } catch (error) {
    await fetcher[Symbol.asyncDispose]();
    await cluster.disconnect().catch(() => {});
    throw error;
  }
  fetcher.add(feed);
  feed.seek(fromOffset);
  return Object.assign(feed, {
    async [Symbol.asyncDispose]() {
      await fetcher[Symbol.asyncDispose]();
      // A broker that went away answers no farewell.
      await cluster.disconnect().catch(() => {});
    },
  });
}
