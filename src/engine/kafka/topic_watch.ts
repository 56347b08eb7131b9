/**
 * Knows who leads the partitions that are fetched, by their topics' identities, and says of a feed whose topic is gone or
 * another one that it cannot go on. Never fetches records.
 */
import type { PartitionFeed } from "./partition_feed.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { topicError } from "./describe_topics.ts";
import { deletedTopicError, namelessError, remadeError } from "./read_halts.ts";
import {
  fetchTopicMetadata,
  type PartitionPlace,
  type TopicMetadata,
  unknownTopicCode,
} from "./topic_metadata.ts";
import type { VendorCluster } from "./vendor.ts";

/** Where to fetch a partition from. */
export interface LedPartition extends PartitionPlace {
  readonly topicId: string;
}

/** What is known of a topic, with its partitions by their number: each of very many is looked up in each round. */
interface WatchedTopic extends TopicMetadata {
  readonly places: ReadonlyMap<number, PartitionPlace>;
}

const metadataAgeMsMax = 10_000;
/** A broker that has just started may not have heard of a topic yet. */
const missingMsMax = 5_000;

const ofOneTopic = [
  ...["UNKNOWN_TOPIC_OR_PARTITION", "TOPIC_AUTHORIZATION_FAILED", "LEADER_NOT_AVAILABLE"],
];

/** kafkajs rejects for all topics where one is missing or without a leader; the watch says which. */
export function isOfOneTopic(error: unknown): boolean {
  return ofOneTopic.includes(protocolErrorType(error) ?? "");
}

/** See the file's first lines. */
export class TopicWatch {
  readonly #topics = new Map<string, WatchedTopic>();
  readonly #missingSince = new Map<string, number>();
  /** Feeds whose topic a leader did not know by its identity. */
  readonly #refused = new Set<PartitionFeed>();
  #readAt = -Infinity;

  constructor(readonly cluster: VendorCluster) {}

  /** The leader did not know the feed's topic: the next metadata tells why. */
  refused(feed: PartitionFeed): void {
    this.#refused.add(feed);
  }

  /** Reads the metadata anew where that is due, and fails the feeds whose topic is not theirs any more. */
  async refresh(feeds: ReadonlySet<PartitionFeed>, now: boolean): Promise<void> {
    const topics = [...new Set([...feeds].map(({ topic }) => topic))];
    const isOld = performance.now() - this.#readAt > metadataAgeMsMax;
    if (!now && !isOld && topics.every((topic) => this.#topics.has(topic))) return;
    const broker = await this.cluster.brokerPool.findConnectedBroker();
    for (const found of await fetchTopicMetadata(broker, topics)) {
      const places = new Map(found.partitions.map((place) => [place.partition, place]));
      this.#topics.set(found.topic, { ...found, places });
      if (found.errorCode !== unknownTopicCode) this.#missingSince.delete(found.topic);
      else if (!this.#missingSince.has(found.topic)) {
        this.#missingSince.set(found.topic, performance.now());
      }
    }
    this.#readAt = performance.now();
    for (const feed of feeds) this.#judge(feed);
  }

  /** Undefined where nobody leads it now. */
  leaderOf(feed: PartitionFeed): LedPartition | undefined {
    const found = this.#topics.get(feed.topic);
    const place = found?.places.get(feed.partition);
    const topicId = feed.readId ?? found?.topicId;
    if (!place || place.leader < 0 || topicId === undefined) return undefined;
    return { ...place, topicId };
  }

  /** Why nobody leads it, where the metadata says. */
  errorOf({ topic }: PartitionFeed): Error | undefined {
    const found = this.#topics.get(topic);
    return found && topicError(found);
  }

  #judge(feed: PartitionFeed): void {
    const found = this.#topics.get(feed.topic);
    if (found?.errorCode === 0) {
      const isOther = feed.readId !== undefined && found.topicId !== feed.readId;
      // Only once a leader refused it: this broker may have old news, and the feed's own be newer.
      if (isOther && this.#refused.has(feed)) {
        feed.fail(remadeError(feed, feed.readId, found.topicId));
      }
      if (found.topicId === undefined) feed.fail(namelessError(feed));
      this.#refused.delete(feed);
    } else if (feed.wanted !== undefined) {
      const since = this.#missingSince.get(feed.topic);
      if (since !== undefined && performance.now() - since > missingMsMax) {
        feed.fail(deletedTopicError(feed.topic));
      }
    }
  }
}
