/**
 * Compares partitions with their logs before they are fetched on, where a broker was away meanwhile: it may have come back
 * with another log. Fetches nothing itself; the partitions that are in no doubt do not wait.
 */
import { delay, unlessAborted } from "../core/delay.ts";
import { getLogger } from "../packages/logtape.ts";
import type { FetchTrouble } from "./fetch_trouble.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import { replacedError } from "./read_halts.ts";

/** A broker that has just come back has more to do than to answer for a thousand partitions at once. */
const comparedAtOnceMax = 8;
const retryMs = 100;
const log = getLogger(["onceflow", "kafka", "fetcher"]);

/** See the file's first lines. */
export class LogDoubts {
  readonly #doubted = new Set<PartitionFeed>();
  readonly #comparing = new Map<PartitionFeed, Promise<void>>();

  /** `onCompared` is called when a feed may be fetched again, has failed, or is to be compared once more. */
  constructor(
    readonly onCompared: () => void,
    readonly signal: AbortSignal,
    readonly trouble?: Pick<FetchTrouble, "refused">,
  ) {}

  add(feed: PartitionFeed): void {
    this.#doubted.add(feed);
  }

  /** It is not read any more. */
  delete(feed: PartitionFeed): void {
    this.#doubted.delete(feed);
  }

  /** Whether the feed is not to be fetched yet. Compares it, where there is room for one more. */
  holds(feed: PartitionFeed): boolean {
    if (!this.#doubted.has(feed)) return false;
    // Nothing was read of it: there is nothing that could be another.
    if (feed.fetchedBelow === undefined) return !this.#doubted.delete(feed);
    const isNext = feed.wanted !== undefined && !this.#comparing.has(feed);
    if (isNext && this.#comparing.size < comparedAtOnceMax) {
      this.#comparing.set(feed, this.#compare(feed));
    }
    return true;
  }

  /** Resolves when nothing is asked any more; the signal ends that. */
  async ended(): Promise<void> {
    await Promise.all(this.#comparing.values());
  }

  async #compare(feed: PartitionFeed): Promise<void> {
    const { wanted, fetchedBelow } = feed;
    try {
      if (wanted === undefined || !fetchedBelow) return;
      const asking = feed.options.divergence(fetchedBelow, this.signal);
      const found = await unlessAborted(asking, this.signal);
      // Sought to another place meanwhile: that one is in doubt still.
      if (feed.wanted !== wanted) return;
      if (found) feed.fail(replacedError(feed, wanted, found));
      this.#doubted.delete(feed);
    } catch (error) {
      if (this.signal.aborted) return;
      const { topic, partition } = feed;
      log.debug("Cannot compare {topic}-{partition} with its log; trying again: {error}", {
        ...{ topic, partition, error },
      });
      this.trouble?.refused(feed, error);
      await delay(retryMs, this.signal).catch(() => {});
    } finally {
      this.#comparing.delete(feed);
      this.onCompared();
    }
  }
}
