/**
 * One member of a consumer group: joins, beats, and hands each partition it owns to a lane.
 *
 * It uses kafkajs's group protocol but not its consumer. Heartbeats have a timer of their own, and lanes of partitions
 * that stay with this member run on through a rebalance: fencing by InitProducerId keeps that safe (KAFKAJS.md, row 18).
 */
import { getLogger } from "@logtape/logtape";
import { delay } from "../core/delay.ts";
import type { Assignment, CommittedOffset } from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { Fetcher, type FetcherOptions } from "./fetcher.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { PartitionFeed } from "./partition_feed.ts";
import {
  consumerGroupClass,
  emitterClass,
  roundRobinAssigner,
  type VendorCluster,
  type VendorConsumerGroup,
} from "./vendor.ts";

/** Settings of a member. */
export interface MembershipOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** The coordinator gives a silent member's partitions away after this long, milliseconds. */
  readonly sessionTimeoutMs: number;
  readonly bufferBytesMax: number;
  readonly fetch: FetcherOptions;
  /** Works on one partition until its signal fires. A rejection ends the member. */
  readonly lane: (assignment: Assignment) => Promise<void>;
  /** Told whenever the set of owned partitions may have changed. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
}

/** A lane that runs, and the way to end it. */
interface RunningLane {
  readonly feed: PartitionFeed;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const log = getLogger(["onceflow", "kafka", "group"]);
const rejoinMs = 200;

/**
 * Takes part in the group until the signal fires; then ends its lanes, leaves the group and resolves.
 * Rejects when a lane does: the caller decides what that means for the process.
 */
export async function runMembership(
  client: KafkaClient,
  options: MembershipOptions,
  signal: AbortSignal,
): Promise<void> {
  const cluster = client.cluster({ metadataMaxAgeMs: 10_000 });
  const member = new Member(client, cluster, options);
  try {
    await member.run(signal);
  } finally {
    await member.stop();
    await cluster.disconnect();
  }
}

class Member {
  readonly #group: VendorConsumerGroup;
  readonly #fetcher: Fetcher;
  readonly #lanes = new Map<string, RunningLane>();
  readonly #failed = new AbortController();

  constructor(
    client: KafkaClient,
    readonly cluster: VendorCluster,
    readonly options: MembershipOptions,
  ) {
    const { groupId, topics, sessionTimeoutMs } = options;
    const Group = consumerGroupClass();
    const Emitter = emitterClass();
    const { logger } = client;
    this.#group = new Group({
      cluster,
      groupId,
      topics: [...topics],
      topicConfigurations: Object.fromEntries(
        topics.map((topic) => [topic, { fromBeginning: true }]),
      ),
      logger,
      instrumentationEmitter: new Emitter({}),
      assigners: [roundRobinAssigner()({ cluster, groupId, logger })],
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(sessionTimeoutMs, 10_000),
      autoCommit: false,
      isolationLevel: 1,
      retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 5 },
    });
    this.#fetcher = new Fetcher(cluster, options.fetch);
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#failed.signal]);
    while (!ended.aborted) {
      try {
        await this.#join(ended);
        await this.#beat(ended);
      } catch (error) {
        if (ended.aborted) break;
        const type = protocolErrorType(error);
        log.info("Rejoining group {groupId}: {reason}", {
          groupId: this.options.groupId,
          reason: type ?? String(error),
        });
        if (type === "UNKNOWN_MEMBER_ID" || type === "FENCED_INSTANCE_ID") {
          this.#group.memberId = null;
        }
        if (type !== "REBALANCE_IN_PROGRESS") await delay(rejoinMs, ended).catch(() => {});
      }
    }
    if (this.#failed.signal.aborted) throw this.#failed.signal.reason;
  }

  async stop(): Promise<void> {
    await this.#stopLanes([...this.#lanes.keys()]);
    await this.#fetcher[Symbol.asyncDispose]();
    await this.#group.leave().catch((error) => {
      log.debug("Could not leave the group; its session will time out: {error}", { error });
    });
  }

  async #join(signal: AbortSignal): Promise<void> {
    if (!this.cluster.isConnected()) await this.cluster.connect();
    await this.cluster.addMultipleTargetTopics([...this.options.topics]);
    await this.cluster.refreshMetadata();
    await this.#group.joinAndSync();
    if (signal.aborted) return;
    const owned = this.#group.assigned()
      .flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
    const keys = new Set(owned.map(formatPartition));
    await this.#stopLanes([...this.#lanes.keys()].filter((key) => !keys.has(key)));
    for (const partition of owned) {
      if (!this.#lanes.has(formatPartition(partition))) this.#startLane(partition);
    }
    log.info("Group {groupId}, generation {generation}: {partitions}", {
      groupId: this.options.groupId,
      generation: this.#group.generationId,
      partitions: [...keys].join(" ") || "no partitions",
    });
    this.options.onAssigned?.(owned);
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { sessionTimeoutMs } = this.options;
    const counts = this.#partitionCounts();
    let answeredAt = Date.now();
    while (!signal.aborted) {
      await delay(sessionTimeoutMs / 6, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#heartbeat();
        answeredAt = Date.now();
      } catch (error) {
        const type = protocolErrorType(error);
        const coordinatorLost = type === undefined || type === "NOT_COORDINATOR_FOR_GROUP" ||
          type === "GROUP_COORDINATOR_NOT_AVAILABLE";
        if (!coordinatorLost || Date.now() - answeredAt > sessionTimeoutMs) throw error;
        await this.#findCoordinator();
      }
      await this.cluster.refreshMetadataIfNecessary().catch(() => {});
      if (this.#group.isLeader() && this.#partitionCounts() !== counts) {
        log.info("The number of partitions changed; assigning them anew");
        return;
      }
    }
  }

  #heartbeat(): Promise<void> {
    return this.#group.heartbeat({ interval: 0 });
  }

  async #findCoordinator(): Promise<void> {
    const { groupId } = this.options;
    try {
      if (!this.cluster.isConnected()) await this.cluster.connect();
      await this.cluster.refreshMetadata();
      this.#group.coordinator = await this.cluster.findGroupCoordinator({ groupId });
    } catch (error) {
      log.debug("The coordinator of {groupId} is not to be found yet: {error}", { groupId, error });
    }
  }

  #partitionCounts(): string {
    return this.options.topics
      .map((topic) => this.cluster.findTopicPartitionMetadata(topic).length).join(",");
  }

  #startLane(partition: TopicPartition): void {
    const stop = new AbortController();
    const feed = new PartitionFeed(partition, {
      bufferBytesMax: this.options.bufferBytesMax,
      range: () => readLogRange(this.cluster, partition, { signal: stop.signal }),
      onHungry: () => this.#fetcher.wake(),
    });
    this.#fetcher.add(feed);
    const done = this.options.lane(this.#assignment(feed, stop.signal)).catch((error) => {
      if (!stop.signal.aborted) this.#failed.abort(error);
    });
    this.#lanes.set(formatPartition(partition), { feed, stop, done });
  }

  async #stopLanes(keys: readonly string[]): Promise<void> {
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
            await this.#heartbeat();
            return !signal.aborted;
          } catch (error) {
            log.debug("Heartbeat refused: {error}", { error });
            await delay(rejoinMs, signal).catch(() => {});
          }
        }
        return false;
      },
      commitOffset: async (offset) => {
        const coordinator = await this.cluster.findGroupCoordinator({ groupId });
        await coordinator.offsetCommit({
          groupId,
          groupGenerationId: this.#group.generationId ?? -1,
          memberId: this.#group.memberId ?? "",
          topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }],
        });
      },
      committedOffset: () => plainOffset(this.cluster, groupId, feed),
    };
  }
}

async function plainOffset(
  cluster: VendorCluster,
  groupId: string,
  { topic, partition }: TopicPartition,
): Promise<CommittedOffset> {
  const coordinator = await cluster.findGroupCoordinator({ groupId });
  const { responses } = await coordinator.offsetFetch({
    groupId,
    topics: [{ topic, partitions: [{ partition }] }],
  });
  const found = responses[0]?.partitions[0];
  return { offset: Number(found?.offset ?? -1), metadata: found?.metadata ?? "" };
}
