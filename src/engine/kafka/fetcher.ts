/**
 * Keeps the feeds of one client filled: one loop per broker, one fetch under way in each.
 *
 * A loop of our own in the place of kafkajs's runner: offsets are never reset or committed behind our back,
 * fully filtered batches advance the position, the next batch is fetched while the last one is processed, and nothing that
 * a transform throws can stop it.
 */
import { getLogger } from "../packages/logtape.ts";
import { Alarm } from "../core/alarm.ts";
import { delay } from "../core/delay.ts";
import { formatPartition } from "../core/record.ts";
import { deliver } from "./deliver_answer.ts";
import { type Brought, broughtBy, fetchPauseMs, fetchWaitMs } from "./fetch_pause.ts";
import { fetchRequest } from "./fetch_request.ts";
import { fetchTargets } from "./fetch_targets.ts";
import type { FetcherOptions } from "./fetcher_options.ts";
import type { FetchTrouble } from "./fetch_trouble.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import { LogDoubts } from "./log_doubts.ts";
import { RangeDoubts } from "./range_doubts.ts";
import { rotate } from "./rotate.ts";
import { isOfOneTopic, TopicWatch } from "./topic_watch.ts";
import { createErrorFromCode, type VendorCluster } from "./vendor.ts";

const retryMs = 100;
const offsetOutOfRange = 1;
/** The leader knows no such topic or partition, no topic of this identity, or another identity for it. */
const unknownHere = new Set([3, 100, 103]);
const log = getLogger(["onceflow", "kafka", "fetcher"]);

/** Runs until disposed. Feeds may come and go at any time. */
export class Fetcher implements AsyncDisposable {
  readonly #feeds = new Set<PartitionFeed>();
  readonly #loops = new Map<number, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #topics: TopicWatch;
  readonly #logDoubts: LogDoubts;
  readonly #alarm = new Alarm();
  readonly #rangeDoubts: RangeDoubts;
  #stale = false;
  readonly #supervisor: Promise<void>;

  constructor(
    readonly cluster: VendorCluster,
    readonly options: FetcherOptions,
    readonly trouble?: Pick<FetchTrouble, "refused" | "unanswered" | "answered" | "served">,
  ) {
    this.#topics = new TopicWatch(cluster);
    this.#logDoubts = new LogDoubts(() => this.wake(), this.#stop.signal, trouble);
    this.#rangeDoubts = new RangeDoubts((feed) => {
      // Its log may be another one meanwhile, and its leader, too.
      if (this.#feeds.has(feed)) this.#logDoubts.add(feed);
      this.#stale = true;
      this.wake();
    }, this.#stop.signal);
    this.#supervisor = this.#supervise();
  }

  add(feed: PartitionFeed): void {
    this.#feeds.add(feed);
    this.wake();
  }

  remove(feed: PartitionFeed): void {
    this.#feeds.delete(feed);
    this.#logDoubts.delete(feed);
    this.#rangeDoubts.served(feed);
    this.trouble?.served(feed);
  }

  /** Some feed wants more, or there is a new one. */
  wake(): void {
    this.#alarm.ring();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.wake();
    await this.#supervisor;
    this.trouble?.answered();
    await Promise.all(this.#loops.values());
    await Promise.all([this.#rangeDoubts.ended(), this.#logDoubts.ended()]);
  }

  /** Starts a loop for every broker that leads one of our partitions. */
  async #supervise(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { rung } = this.#alarm;
      try {
        await this.#refreshMetadata();
        this.trouble?.answered();
        for (const nodeId of this.#leaders().keys()) {
          if (!this.#loops.has(nodeId)) this.#loops.set(nodeId, this.#loop(nodeId));
        }
      } catch (error) {
        log.debug("Cannot read the cluster's metadata; trying again: {error}", { error });
        this.#stale = true;
        this.trouble?.unanswered(this.#feeds, error);
      }
      const pause = this.#stale ? retryMs : 1_000;
      await this.#alarm.pause(pause, rung);
    }
  }

  async #refreshMetadata(): Promise<void> {
    const topics = [...new Set([...this.#feeds].map(({ topic }) => topic))];
    if (topics.length === 0) return;
    if (!this.cluster.isConnected()) await this.cluster.connect();
    const stale = this.#stale;
    this.#stale = false;
    try {
      await this.cluster.addMultipleTargetTopics(topics);
      if (stale) await this.cluster.refreshMetadata();
      else await this.cluster.refreshMetadataIfNecessary();
    } catch (error) {
      if (!isOfOneTopic(error)) throw error;
      this.#stale = true;
    }
    await this.#topics.refresh(this.#feeds, stale);
  }

  #leaders(): Map<number, PartitionFeed[]> {
    const leaders = new Map<number, PartitionFeed[]>();
    for (const feed of this.#feeds) {
      const leader = this.#topics.leaderOf(feed)?.leader;
      if (leader === undefined) {
        this.#stale = true;
        this.trouble?.refused(feed, this.#topics.errorOf(feed));
        continue;
      }
      const led = leaders.get(leader);
      if (led) led.push(feed);
      else leaders.set(leader, [feed]);
    }
    return leaders;
  }

  async #loop(nodeId: number): Promise<void> {
    for (let turn = 0; !this.#stop.signal.aborted; turn++) {
      const { rung } = this.#alarm;
      try {
        const led = this.#leaders().get(nodeId) ?? [];
        const feeds = led.filter((feed) =>
          !this.#rangeDoubts.has(feed) && !this.#logDoubts.holds(feed)
        );
        const wanted = rotate(feeds.filter((feed) => feed.wanted !== undefined), turn);
        if (wanted.length === 0) {
          if (led.length === 0) return void this.#loops.delete(nodeId);
          await this.#alarm.pause(1_000, rung);
        } else await this.#fetchPaced(nodeId, wanted);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        log.debug("Cannot fetch from broker {nodeId}; trying again: {error}", { nodeId, error });
        this.#stale = true;
        for (const feed of this.#leaders().get(nodeId) ?? []) this.#logDoubts.add(feed);
        await delay(retryMs, this.#stop.signal).catch(() => {});
        this.wake();
      }
    }
  }

  async #fetchPaced(nodeId: number, feeds: readonly PartitionFeed[]): Promise<void> {
    const startedAt = performance.now();
    const brought = await this.#fetch(nodeId, feeds);
    const pauseMs = fetchPauseMs(brought, this.options.pauseMsMax);
    const leftMs = startedAt + pauseMs - performance.now();
    if (leftMs > 1) await delay(leftMs, this.#stop.signal).catch(() => {});
  }

  async #fetch(nodeId: number, feeds: readonly PartitionFeed[]): Promise<Brought> {
    const targets = fetchTargets(nodeId, feeds, this.#topics, this.options.partitionBytesMax);
    if (targets.size === 0) return broughtBy([]);
    const broker = await this.cluster.findBroker({ nodeId });
    const waitMsMax = fetchWaitMs(this.options.waitMsMax, targets.size);
    const answer = await broker.connectionPool.send(
      fetchRequest([...targets.values()], { ...this.options, waitMsMax }),
    );
    if (answer.errorCode !== 0) throw new Error(`Fetch: error code ${answer.errorCode}`);
    const refused: string[] = [];
    for (const partition of answer.partitions) {
      const target = targets.get(formatPartition(partition));
      if (!target) continue;
      const { errorCode } = partition;
      if (errorCode === 0) {
        this.trouble?.served(target.feed);
        this.#rangeDoubts.served(target.feed);
        deliver(target.feed, target.offset, partition);
      } else if (errorCode === offsetOutOfRange) {
        this.#rangeDoubts.refused(target.feed, target.offset);
      } else {
        if (unknownHere.has(errorCode)) this.#topics.refused(target.feed);
        refused.push(`${formatPartition(partition)}: error code ${errorCode}`);
        this.trouble?.refused(target.feed, createErrorFromCode()(errorCode), "Fetch");
      }
    }
    // A leader that moved, most often: the caller reads the metadata again after a pause.
    if (refused.length > 0) throw new Error(`Fetch: ${refused.join(", ")}`);
    return broughtBy(answer.partitions);
  }
}
