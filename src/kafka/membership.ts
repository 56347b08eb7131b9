/**
 * One member of a consumer group: joins, beats, and hands each partition it owns to a lane.
 *
 * It uses kafkajs's group protocol but not its consumer. Heartbeats have a timer of their own, and lanes of partitions
 * that stay with this member run on through a rebalance: fencing by InitProducerId keeps that safe (KAFKAJS.md, row 18).
 */
import { getLogger } from "@logtape/logtape";
import { delay } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { protocolErrorType } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { LaneSet, type LaneSetOptions } from "./lane_set.ts";
import {
  consumerGroupClass,
  emitterClass,
  roundRobinAssigner,
  type VendorCluster,
  type VendorConsumerGroup,
} from "./vendor.ts";

/** Settings of a member. */
export interface MembershipOptions extends LaneSetOptions {
  readonly topics: readonly string[];
  /** The coordinator gives a silent member's partitions away after this long, milliseconds. */
  readonly sessionTimeoutMs: number;
  /** Told what stands in the member's way, as `group:<id>`. */
  readonly health?: Health;
  /** Told whenever the set of owned partitions may have changed. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
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
  readonly #lanes: LaneSet;

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
    this.#lanes = new LaneSet(cluster, this.#group, options);
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#lanes.failed]);
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
    if (this.#lanes.failed.aborted) throw this.#lanes.failed.reason;
  }

  async stop(): Promise<void> {
    await this.#lanes[Symbol.asyncDispose]();
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
    await this.#lanes.own(owned);
    log.info("Group {groupId}, generation {generation}: {partitions}", {
      groupId: this.options.groupId,
      generation: this.#group.generationId,
      partitions: owned.map(formatPartition).join(" ") || "no partitions",
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
}
