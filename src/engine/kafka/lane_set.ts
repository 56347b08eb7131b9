/** The lanes of one member: a feed and a running lane for each partition that it owns. */
import { getLogger } from "../packages/logtape.ts";
import { delay, doneWithin } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import { createHealth, type Health, laneCheck } from "../core/health.ts";
import type { Assignment } from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { bufferShare } from "./buffer_share.ts";
import { CodecError } from "./codec/codec_error.ts";
import { named } from "./error_verdict.ts";
import { FetchTrouble } from "./fetch_trouble.ts";
import { Fetcher } from "./fetcher.ts";
import type { FetcherOptions } from "./fetcher_options.ts";
import { findDivergence } from "./find_divergence.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { readLogRange } from "./log_range.ts";
import { PartitionFeed } from "./partition_feed.ts";
import { fetchTopicIdOrHalt } from "./topic_id.ts";
import { fetchPlainOffset } from "./plain_offset.ts";
import type { VendorCluster, VendorConsumerGroup } from "./vendor.ts";

/** What lanes need of their member. */
export interface LaneSetOptions {
  readonly groupId: string;
  /** What all lanes together may hold of what was fetched and not yet taken, bytes. */
  readonly bufferBytesMax: number;
  readonly fetch: FetcherOptions;
  /** Told which partitions cannot be read, as `lane:<topic>-<n>`. */
  readonly health?: Health;
  /** Whom permissions are granted to, for what is said where one is missing. */
  readonly user?: string;
  /** Works on one partition until its signal fires. */
  readonly lane: (assignment: Assignment) => Promise<void>;
}

/** The member that the lanes belong to. */
export interface LaneMember {
  readonly cluster: VendorCluster;
  readonly group: VendorConsumerGroup;
  readonly heartbeat: Heartbeat;
  /** A lane that takes longer to end once its partition is revoked is left to itself, milliseconds. */
  readonly laneEndMsMax: number;
}

/** A lane that runs, and the way to end it. */
interface RunningLane {
  readonly feed: PartitionFeed;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const log = getLogger(["onceflow", "kafka", "group"]);
const heartbeatRetryMs = 200;

/** Starts and ends lanes as partitions come and go. */
export class LaneSet {
  readonly #fetcher: Fetcher;
  readonly #lanes = new Map<string, RunningLane>();
  /** Lanes whose partition is gone, until they have ended or were left to themselves. */
  readonly #ending = new Map<string, Promise<void>>();
  readonly #failed = new AbortController();
  /** What was fetched for all of them and not yet taken. */
  #heldBytes = 0;

  constructor(readonly member: LaneMember, readonly options: LaneSetOptions) {
    this.#fetcher = new Fetcher(member.cluster, options.fetch, new FetchTrouble(options));
  }

  /** Fires with the error of the first lane that ended by itself. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /**
   * Tells the lanes of partitions that are not among these to end. Waits for none: a member that waits for a lane does not
   * beat. What such a lane may still want to commit is refused, here and by the group.
   */
  keep(partitions: readonly TopicPartition[]): void {
    const keys = new Set(partitions.map(formatPartition));
    for (const key of [...this.#lanes.keys()]) if (!keys.has(key)) this.#revoke(key);
  }

  /** Starts the lanes of those among these that have none. */
  start(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      if (!this.#lanes.has(formatPartition(partition))) this.#start(partition);
    }
  }

  /** Tells all lanes to end and waits for them, but no longer than `msMax`. */
  async end(msMax: number): Promise<void> {
    for (const key of [...this.#lanes.keys()]) this.#revoke(key, msMax);
    await doneWithin(Promise.all(this.#ending.values()), msMax);
    await doneWithin(this.#fetcher[Symbol.asyncDispose](), fetcherEndMsMax);
  }

  #start(partition: TopicPartition): void {
    const key = formatPartition(partition);
    const { cluster } = this.member;
    const { groupId, user, bufferBytesMax } = this.options;
    const request = { groupId, topics: [partition.topic], needs: ["Read"], user };
    const stop = new AbortController();
    const feed: PartitionFeed = new PartitionFeed(partition, {
      bufferBytesMax: () => bufferShare(bufferBytesMax, this.#lanes.size, this.#heldBytes),
      onHeld: (change) => this.#heldBytes += change,
      unpackedBytesMax: cluster.unpackedBytesMax,
      range: () =>
        named(
          `Cannot read the range of ${key}`,
          request,
          // That it has none is said where it is read.
          () => readLogRange(cluster, partition, { signal: stop.signal, untilLed: true }),
        ),
      topicId: () =>
        named(
          `Cannot look up the id of topic ${partition.topic}`,
          request,
          () => fetchTopicIdOrHalt(cluster, partition.topic, stop.signal),
        ),
      divergence: (mark, signal = stop.signal) =>
        findDivergence(cluster, { ...partition, readId: feed.readId }, mark, signal),
      onHungry: () => this.#fetcher.wake(),
    });
    this.#fetcher.add(feed);
    const run = async (before: Promise<void> | undefined) => {
      // The partition was revoked and is back: its former lane first.
      await before;
      if (!stop.signal.aborted) await this.options.lane(this.#assignment(feed, stop.signal));
    };
    const done = run(this.#ending.get(key)).catch((error) => {
      if (stop.signal.aborted) return;
      if (isUnreadable(error)) this.#standStill(partition, error.message);
      else this.#failed.abort(error);
    });
    this.#lanes.set(key, { feed, stop, done });
  }

  /** What cannot be read concerns its partition alone: the others go on, and this one waits for a person. */
  #standStill(partition: TopicPartition, reason: string): void {
    const { health = createHealth() } = this.options;
    health.down(laneCheck(partition), `halted, the other partitions go on: ${reason}`, {
      cause: unreadable,
    });
  }

  #revoke(key: string, msMax = this.member.laneEndMsMax): void {
    const lane = this.#lanes.get(key);
    if (!lane) return;
    this.#lanes.delete(key);
    this.#fetcher.remove(lane.feed);
    this.options.health?.up(laneCheck(lane.feed), unreadable);
    lane.stop.abort(new DOMException("Partition revoked", "AbortError"));
    lane.feed.close();
    const ended = doneWithin(lane.done, msMax).then((inTime) => {
      if (!inTime) {
        log.warn(
          "{partition} was given up {ms} ms ago and its lane has not ended, most often because a transform ignores its " +
            "signal or the machine is overloaded. It is left to itself; the partition's next owner shuts out what it may still write",
          { partition: key, ms: msMax },
        );
      }
      if (this.#ending.get(key) === ended) this.#ending.delete(key);
    });
    this.#ending.set(key, ended);
  }

  #assignment(feed: PartitionFeed, signal: AbortSignal): Assignment {
    const { groupId } = this.options;
    const { cluster, group, heartbeat } = this.member;
    const { topic, partition } = feed;
    return {
      groupId,
      reader: feed,
      signal,
      stillOwned: async () => {
        // A refusal means that a rebalance is under way: it ends in another accepted heartbeat or in the signal.
        while (!signal.aborted) {
          try {
            await heartbeat.beat();
            return !signal.aborted;
          } catch {
            await delay(heartbeatRetryMs, signal).catch(() => {});
          }
        }
        return false;
      },
      commitOffset: async (offset, metadata) => {
        const coordinator = await cluster.findGroupCoordinator({ groupId });
        // A lane that was left to itself would commit it under a generation in which the partition is another member's.
        signal.throwIfAborted();
        await coordinator.offsetCommit({
          groupId,
          groupGenerationId: group.generationId ?? -1,
          memberId: group.memberId ?? "",
          topics: [{ topic, partitions: [{ partition, offset: String(offset), metadata }] }],
        });
      },
      committedOffset: () => fetchPlainOffset(cluster, groupId, feed),
    };
  }
}

/** The fetch in hand brings nothing that anybody waits for. */
const fetcherEndMsMax = 500;

const unreadable = "unreadable";

/** Bytes of the log itself that no client of this kind can read. */
function isUnreadable(error: unknown): error is HaltError {
  return error instanceof HaltError && error.cause instanceof CodecError;
}
