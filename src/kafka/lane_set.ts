/** The lanes of one member: a feed and a running lane for each partition that it owns. */
import { delay } from "../core/delay.ts";
import type { Assignment } from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { Fetcher, type FetcherOptions } from "./fetcher.ts";
import { readLogRange } from "./log_range.ts";
import { PartitionFeed } from "./partition_feed.ts";
import { fetchTopicId } from "./topic_id.ts";
import { fetchPlainOffset } from "./plain_offset.ts";
import type { VendorCluster, VendorConsumerGroup } from "./vendor.ts";

/** What lanes need of their member. */
export interface LaneSetOptions {
  readonly groupId: string;
  readonly bufferBytesMax: number;
  readonly fetch: FetcherOptions;
  /** Works on one partition until its signal fires. */
  readonly lane: (assignment: Assignment) => Promise<void>;
}

/** A lane that runs, and the way to end it. */
interface RunningLane {
  readonly feed: PartitionFeed;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const heartbeatRetryMs = 200;

/** Starts and ends lanes as partitions come and go. Disposing ends all of them. */
export class LaneSet implements AsyncDisposable {
  readonly #fetcher: Fetcher;
  readonly #lanes = new Map<string, RunningLane>();
  readonly #failed = new AbortController();

  constructor(
    readonly cluster: VendorCluster,
    readonly group: VendorConsumerGroup,
    readonly options: LaneSetOptions,
  ) {
    this.#fetcher = new Fetcher(cluster, options.fetch);
  }

  /** Fires with the error of the first lane that ended by itself. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Ends the lanes of partitions that are not among these, then starts those that are missing. */
  async own(partitions: readonly TopicPartition[]): Promise<void> {
    const keys = new Set(partitions.map(formatPartition));
    await this.#stop([...this.#lanes.keys()].filter((key) => !keys.has(key)));
    for (const partition of partitions) {
      if (!this.#lanes.has(formatPartition(partition))) this.#start(partition);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop([...this.#lanes.keys()]);
    await this.#fetcher[Symbol.asyncDispose]();
  }

  #start(partition: TopicPartition): void {
    const stop = new AbortController();
    const feed = new PartitionFeed(partition, {
      bufferBytesMax: this.options.bufferBytesMax,
      range: () => readLogRange(this.cluster, partition, { signal: stop.signal }),
      topicId: () => fetchTopicId(this.cluster, partition.topic),
      onHungry: () => this.#fetcher.wake(),
    });
    this.#fetcher.add(feed);
    const done = this.options.lane(this.#assignment(feed, stop.signal)).catch((error) => {
      if (!stop.signal.aborted) this.#failed.abort(error);
    });
    this.#lanes.set(formatPartition(partition), { feed, stop, done });
  }

  async #stop(keys: readonly string[]): Promise<void> {
    const lanes = keys.map((key) => this.#lanes.get(key)).filter((lane) => lane !== undefined);
    for (const key of keys) this.#lanes.delete(key);
    for (const lane of lanes) lane.stop.abort(new DOMException("Partition revoked", "AbortError"));
    await Promise.all(lanes.map(({ done }) => done));
    for (const { feed } of lanes) this.#fetcher.remove(feed);
  }

  #assignment(feed: PartitionFeed, signal: AbortSignal): Assignment {
    const { groupId } = this.options;
    const { topic, partition } = feed;
    return {
      groupId,
      reader: feed,
      signal,
      stillOwned: async () => {
        // A refusal means that a rebalance is under way: it ends in another accepted heartbeat or in the signal.
        while (!signal.aborted) {
          try {
            await this.group.heartbeat({ interval: 0 });
            return !signal.aborted;
          } catch {
            await delay(heartbeatRetryMs, signal).catch(() => {});
          }
        }
        return false;
      },
      commitOffset: async (offset) => {
        const coordinator = await this.cluster.findGroupCoordinator({ groupId });
        await coordinator.offsetCommit({
          groupId,
          groupGenerationId: this.group.generationId ?? -1,
          memberId: this.group.memberId ?? "",
          topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }],
        });
      },
      committedOffset: () => fetchPlainOffset(this.cluster, groupId, feed),
    };
  }
}
