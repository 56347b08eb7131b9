/**
 * Judges an offset that a leader has refused as lying outside its log. The leader of a topic that was made a moment ago has
 * said so of offset 0, so the log's range is asked for before a reader halts. Fetches nothing itself.
 */
import { delay, unlessAborted } from "../core/delay.ts";
import { getLogger } from "../packages/logtape.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import { outOfRangeError } from "./read_halts.ts";

/** An offset that lies inside the log's range and is refused so often in a row is not fetched any more. */
const refusalsMax = 10;
const retryMs = 100;
const log = getLogger(["onceflow", "kafka", "fetcher"]);

/** See the file's first lines. */
export class RangeDoubts {
  readonly #refusals = new Map<PartitionFeed, number>();
  readonly #judging = new Map<PartitionFeed, Promise<void>>();

  /** `onJudged` is called when a feed may be fetched again, or has failed. */
  constructor(readonly onJudged: (feed: PartitionFeed) => void, readonly signal: AbortSignal) {}

  /** Whether the feed waits for the answer, so that it is not fetched now. */
  has(feed: PartitionFeed): boolean {
    return this.#judging.has(feed);
  }

  /** The leader refused this offset. Goes on beside the fetches: the other partitions do not wait for the answer. */
  refused(feed: PartitionFeed, offset: number): void {
    if (this.#judging.has(feed)) return;
    this.#judging.set(feed, this.#judge(feed, offset));
  }

  /** A fetch of this partition was answered, or it is not read any more. */
  served(feed: PartitionFeed): void {
    this.#refusals.delete(feed);
  }

  /** Resolves when nothing is asked any more; the signal ends that. */
  async ended(): Promise<void> {
    await Promise.all(this.#judging.values());
  }

  async #judge(feed: PartitionFeed, offset: number): Promise<void> {
    try {
      const { start, end } = await unlessAborted(feed.range(), this.signal);
      // Sought to another place meanwhile: that one was not refused.
      if (feed.wanted !== offset) return;
      const refusals = (this.#refusals.get(feed) ?? 0) + 1;
      this.#refusals.set(feed, refusals);
      if (offset < start || offset > end || refusals >= refusalsMax) {
        feed.fail(outOfRangeError(feed, offset));
      } else await delay(retryMs, this.signal);
    } catch (error) {
      // The next fetch of it tells what is wrong.
      log.debug("Cannot ask for the range of {topic}-{partition}; fetching again: {error}", {
        ...{ topic: feed.topic, partition: feed.partition, error },
      });
    } finally {
      this.#judging.delete(feed);
      this.onJudged(feed);
    }
  }
}
