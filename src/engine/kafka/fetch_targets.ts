/** What a broker is asked for next: those of its partitions whose feed wants more. */
import { formatPartition } from "../core/record.ts";
import { fetchShare } from "./buffer_share.ts";
import type { FetchTarget } from "./fetch_request.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import type { TopicWatch } from "./topic_watch.ts";

/** By partition, in the order of the feeds; each feed is held to its topic's id from here on. */
export function fetchTargets(
  nodeId: number,
  feeds: readonly PartitionFeed[],
  topics: TopicWatch,
  partitionBytesMax: number,
): Map<string, FetchTarget & { readonly feed: PartitionFeed }> {
  const targets = new Map<string, FetchTarget & { feed: PartitionFeed }>();
  for (const feed of feeds) {
    const led = topics.leaderOf(feed);
    if (feed.wanted === undefined || led?.leader !== nodeId) continue;
    const { topic, partition, wanted: offset, fetchedBelow } = feed;
    const { topicId, leaderEpoch } = led;
    feed.pin(topicId);
    const lastFetchedEpoch = fetchedBelow?.leaderEpoch ?? -1;
    const bytesMax = fetchShare(feed.options.bufferBytesMax(), partitionBytesMax);
    targets.set(formatPartition(feed), {
      ...{ topic, topicId, partition, offset, leaderEpoch, lastFetchedEpoch, bytesMax, feed },
    });
  }
  return targets;
}
