/**
 * One member of a consumer group: joins, beats, and hands each partition it owns to a lane.
 *
 * It uses kafkajs's group protocol but not its consumer. Heartbeats have a timer of their own, and lanes of partitions
 * that stay with this member run on through a rebalance. What they plan meanwhile is committed in the new generation.
 */
import { getLogger } from "../packages/logtape.ts";
import { delay, unlessAborted } from "../core/delay.ts";
import { formatPartition } from "../core/record.ts";
import { beatUntil } from "./beat_until.ts";
import { Assigner } from "./assigner.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { findCoordinator, isCoordinatorLost } from "./group_coordinator.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { joinableGroup } from "./joinable_group.ts";
import { LaneSet } from "./lane_set.ts";
import { leaveGroup } from "./leave_group.ts";
import type { MembershipOptions } from "./membership_options.ts";
import { isUnbroken, noStanding, standingOf } from "./member_standing.ts";
import { Rejoining } from "./rejoining.ts";
import type { VendorCluster, VendorConsumerGroup } from "./vendor.ts";

const log = getLogger(["onceflow", "kafka", "group"]);
const metadataMaxAgeMs = 10_000;
const partitionsCheckMs = 3_000; // how often the leader looks for new partitions
/** At the end of the member: the transactions in hand are done in a fraction of it. */
const laneEndMsMax = 2_000;

/**
 * Takes part in the group until the signal fires; then ends its lanes, leaves the group and resolves, within some three
 * seconds whatever the lanes and the network do. While it cannot take part it waits, and says so in `health`.
 *
 * Rejects when a lane does: the caller decides what that means for the process.
 *
 * @throws {HaltError} when the cluster refuses the member for good
 */
export async function runMembership(
  client: KafkaClient,
  options: MembershipOptions,
  signal: AbortSignal,
): Promise<void> {
  const cluster = client.cluster({ metadataMaxAgeMs });
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
  readonly #heartbeat: Heartbeat;
  readonly #lanes: LaneSet;
  readonly #rejoining: Rejoining;
  readonly #assigner: Assigner;
  readonly #rebalanceTimeoutMs: number;
  #owned = noStanding;
  /** Set while the coordinator holds an answer to JoinGroup back. */
  #joining: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #comparedAt = performance.now();
  /** Topics have more partitions than were assigned. */
  #isOutdated = false;

  constructor(
    readonly client: KafkaClient,
    readonly cluster: VendorCluster,
    readonly options: MembershipOptions,
  ) {
    const { groupId, topics, sessionTimeoutMs } = options;
    const rebalanceTimeout = this.#rebalanceTimeoutMs = Math.max(sessionTimeoutMs, 10_000);
    const { health, foreignMsMax } = options;
    const request = { topics, needs: ["Read"], user: client.user };
    this.#rejoining = new Rejoining(groupId, health, foreignMsMax, request);
    this.#assigner = new Assigner(cluster, () => this.#owned, options.together);
    const sessions = { sessionTimeout: sessionTimeoutMs, rebalanceTimeout };
    this.#group = joinableGroup(client, cluster, { groupId, topics, ...sessions }, this.#assigner);
    this.#heartbeat = new Heartbeat(groupId, this.#group);
    const member = {
      group: this.#group,
      heartbeat: this.#heartbeat,
      laneEndMsMax: rebalanceTimeout,
    };
    this.#lanes = new LaneSet({ cluster, ...member }, { user: client.user, ...options });
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#lanes.failed]);
    while (!ended.aborted) {
      try {
        await this.#join(ended);
        await this.#beat(ended);
      } catch (error) {
        if (ended.aborted) break;
        if (protocolErrorType(error) === "UNKNOWN_MEMBER_ID") this.#group.memberId = null;
        await this.#rejoining.after(error, ended);
      }
    }
    if (this.#lanes.failed.aborted) throw this.#lanes.failed.reason;
  }

  /** Beats until the lanes have ended or their time is over, then leaves whatever they do. */
  async stop(): Promise<void> {
    const lanesEnded = new AbortController();
    const beating = this.#beat(lanesEnded.signal).catch(() => {});
    await this.#lanes.end(laneEndMsMax);
    lanesEnded.abort();
    await beating;
    await leaveGroup(this.client, this.#group, this.options.groupId, this.#joining !== undefined);
    // A join that is refused later would connect anew.
    this.#joining?.catch(() => {}).finally(() => this.cluster.disconnect());
    this.#rejoining.end();
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { committer, sessionTimeoutMs } = this.options;
    // From here to the answer to SyncGroup nothing is committed. A transaction that takes longer is refused by the group, or
    // is waited for by the next owners of its partitions.
    if (committer) {
      const pausing = unlessAborted(committer.pause(this.#rebalanceTimeoutMs / 2), signal);
      await beatUntil(pausing, this.#heartbeat, sessionTimeoutMs / 6);
    }
    this.#heartbeat.end();
    this.#joining = this.#joinAndSync();
    try {
      // The coordinator answers when all other members have joined or are given up: nothing to wait for at the end.
      await unlessAborted(this.#joining, signal);
    } finally {
      if (!signal.aborted) this.#joining = undefined;
    }
    this.#joining = undefined;
    const standing = standingOf(this.#group);
    const owned = standing.partitions;
    this.#lanes.keep(isUnbroken(this.#owned, standing) ? owned : []);
    this.#owned = standing;
    committer?.resume(standing.member, owned);
    this.#lanes.start(owned);
    this.#heartbeat.begin();
    // Only where a member speaks the newer protocol (KIP-848) does the coordinator deal, and then nobody leads.
    this.#rejoining.joined(this.#group.leaderId === "");
    log.info("Group {groupId}, generation {generation}: {partitions}", {
      groupId: this.options.groupId,
      generation: this.#group.generationId,
      partitions: owned.map(formatPartition).join(" ") || "no partitions",
    });
    this.options.onAssigned?.(owned);
  }

  async #joinAndSync(): Promise<void> {
    if (!this.cluster.isConnected()) await this.cluster.connect();
    await this.cluster.addMultipleTargetTopics([...this.options.topics]);
    await this.cluster.refreshMetadata();
    await this.#group.joinAndSync();
  }

  async #beat(signal: AbortSignal): Promise<void> {
    let answeredAt = performance.now();
    this.#isOutdated = false;
    while (!signal.aborted) {
      await delay(this.options.sessionTimeoutMs / 6, signal).catch(() => {});
      if (signal.aborted) return;
      // Where the network swallows the answer, the end of the member does not wait for it.
      if (await unlessAborted(this.#beatOnce(answeredAt), signal)) {
        answeredAt = performance.now();
        this.#rejoining.accepted();
      }
      if (this.#isOutdated) {
        log.info("The number of partitions changed; assigning them anew");
        return;
      }
      this.#looking ??= this.#look().finally(() => this.#looking = undefined);
    }
  }

  /** True when the beat was accepted, false when another coordinator has to be found first. */
  async #beatOnce(answeredAt: number): Promise<boolean> {
    try {
      await this.#heartbeat.beat();
      return true;
    } catch (error) {
      const { groupId, sessionTimeoutMs } = this.options;
      const isLate = performance.now() - answeredAt > sessionTimeoutMs;
      if (isLate || !isCoordinatorLost(error)) throw error;
      await findCoordinator(this.cluster, this.#group, groupId);
      return false;
    }
  }

  /** Beside the beats: a broker that does not answer must not hold them up. */
  async #look(): Promise<void> {
    try {
      await this.cluster.refreshMetadataIfNecessary();
      if (!this.#group.isLeader() || performance.now() - this.#comparedAt < partitionsCheckMs) {
        return;
      }
      this.#comparedAt = performance.now();
      this.#isOutdated = await this.#assigner.isOutdated();
    } catch (error) {
      log.debug("Cannot look at the topics' partitions: {error}", { error });
    }
  }
}
