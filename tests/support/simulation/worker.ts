/** One worker: the engine's own lanes, committer and deliveries, as a member of the simulated group. */
import { unlessAborted } from "../../../src/engine/core/delay.ts";
import { type Delivery, exactlyOnce } from "../../../src/engine/core/delivery.ts";
import type { Flow } from "../../../src/engine/core/flow.ts";
import { GroupCommitter } from "../../../src/engine/core/group_committer.ts";
import { runLane } from "../../../src/engine/core/lane.ts";
import { inputsOf } from "../../../src/engine/flow/flow_topics.ts";
import type { Parking } from "../../../src/engine/core/parking.ts";
import type { Assignment, GroupMember, Transactions } from "../../../src/engine/core/ports.ts";
import { formatPartition, type TopicPartition } from "../../../src/engine/core/record.ts";
import type { LaneState } from "../../../src/engine/core/state.ts";
import { loadParkedKeys } from "../../../src/engine/dead_letters/load_parked_keys.ts";
import type { RecordLog } from "../../../src/engine/dead_letters/record_log.ts";
import {
  openStateChangelog,
  type StateChangelog,
} from "../../../src/engine/state/state_changelog.ts";
import type { Broker } from "./broker.ts";
import { simulatedCheckpoints } from "./checkpoints.ts";
import { GroupError } from "./group.ts";
import { simulatedLog, SimulatedReader, simulatedTransactions } from "./ports.ts";
import type { Host, Network } from "./world.ts";

/** What a planted mistake puts in the place of a part. Each is the right one where absent. */
export interface Mistake {
  transactions?(right: Transactions, worker: Worker): Transactions;
  delivery?(right: Delivery, worker: Worker): Delivery;
  parking?(right: Parking): Parking;
  state?(right: LaneState): LaneState;
  /** What the state is read back from. */
  stateLog?(right: RecordLog, worker: Worker): RecordLog;
  /** Offsets are committed as whoever the member is when they are sent. */
  readonly joinsWithoutPause?: boolean;
  /** Not a mistake of ours: another consumer commits an offset once, past records that nobody has worked on. */
  /** How bad the network is, where the mistake shows in a bad one alone. */
  readonly network?: Network;
  readonly foreignOffset?: boolean;
  /** Nor this: the group's offsets are lost once. */
  readonly lostOffsets?: boolean;
}

interface Lane {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const beatMs = 500;
const pauseMsMax = 1_500;
const joinMsMax = 5_000;
const laneEndMsMax = 3_000;
const revoked = new DOMException("Partition revoked", "AbortError");

/** See the file's first line. */
export class Worker {
  readonly committer: GroupCommitter;
  /** As the last answer to JoinGroup says. */
  member: GroupMember | undefined;
  readonly #delivery: Delivery;
  readonly #parking: Parking | undefined;
  readonly #state: StateChangelog | undefined;
  /** By partition of an input. */
  readonly #lanes = new Map<string, Lane>();
  readonly #ending = new Map<string, Promise<unknown>>();
  readonly #stop = new AbortController();
  /** The generation of the assignment. */
  #standing: GroupMember | undefined;

  constructor(
    readonly host: Host,
    readonly broker: Broker,
    // deno-lint-ignore no-explicit-any -- of whatever events
    readonly flow: Flow<any>,
    readonly mistake: Mistake,
    readonly onHalt: (error: unknown) => void,
  ) {
    const right = simulatedTransactions(host, broker);
    const transactions = mistake.transactions?.(right, this) ?? right;
    this.committer = new GroupCommitter(
      ...[flow.groupId, transactions, { recordsMax: 100, bytesMax: 1 << 20 }, undefined] as const,
      (run) => void host.after(0, run),
      host.clock,
    );
    const delivery = exactlyOnce(
      this.committer,
      simulatedCheckpoints(host, broker),
      host.clock,
    );
    this.#delivery = mistake.delivery?.(delivery, this) ?? delivery;
    const log = simulatedLog(host, broker);
    const stateBounds = { bytesMax: Infinity, valueBytesMax: () => 1_000, now: Date.now };
    const stateLog = mistake.stateLog?.(log, this) ?? log;
    this.#state = openStateChangelog(stateLog, flow, stateBounds);
    if (flow.park !== "key") return;
    const parking: Parking = {
      load: (lane, signal) => loadParkedKeys(log, lane, flow.deadLettersOf(lane.topic), signal),
    };
    this.#parking = mistake.parking?.(parking) ?? parking;
  }

  /** Neither dead nor about to leave. */
  get isActive(): boolean {
    return this.host.isAlive && !this.#stop.signal.aborted;
  }

  /** Takes part until it is stopped or dies. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#join(signal);
        await this.#beat(signal);
      } catch (error) {
        if (signal.aborted || !this.host.isAlive) return;
        if (error instanceof GroupError && error.reason === "unknown-member") {
          this.member = undefined;
        }
        await this.host.clock.delay(200, signal).catch(() => {});
      }
    }
  }

  /** In order: the lanes end, then the group is told. */
  async stop(): Promise<void> {
    this.#stop.abort(revoked);
    this.#keep([]);
    await Promise.all(this.#ending.values());
    const { member } = this;
    try {
      if (member) await this.host.request(() => this.broker.group.leave(member.memberId));
      await this.committer[Symbol.asyncDispose]();
    } finally {
      this.host.crash();
    }
  }

  /** At the end of the simulation. */
  end(): void {
    this.#stop.abort(revoked);
    this.#keep([]);
    this.committer[Symbol.asyncDispose]().catch(() => {});
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { host, broker: { group }, committer, mistake } = this;
    if (!mistake.joinsWithoutPause) {
      // Its own timer is a real one: virtual time ends the wait.
      await Promise.race([committer.pause(2 ** 30), host.clock.delay(pauseMsMax, signal)]);
    }
    const id = this.member?.memberId;
    const joined = await unlessAborted(host.request(() => group.join(id), joinMsMax), signal);
    this.member = joined;
    const numbers = await unlessAborted(host.request(() => group.sync(joined)), signal);
    // The same partitions of each input.
    const owned = inputsOf(this.flow).flatMap((topic) =>
      numbers.map((partition) => ({ topic, partition }))
    );
    const before = this.#standing;
    const isUnbroken = before?.memberId === joined.memberId &&
      before.generationId + 1 === joined.generationId;
    this.#keep(isUnbroken ? owned : []);
    this.#standing = joined;
    committer.resume(joined, owned);
    for (const place of owned) if (!this.#lanes.has(formatPartition(place))) this.#start(place);
  }

  /** Until the group wants this member to join again. */
  async #beat(signal: AbortSignal): Promise<void> {
    const { host, broker: { group } } = this;
    for (;;) {
      await host.clock.delay(beatMs, signal);
      try {
        await host.request(() => this.member && group.beat(this.member));
      } catch (error) {
        if (!(error instanceof GroupError)) continue;
        if (error.reason === "rebalance") return;
        throw error;
      }
    }
  }

  #keep(places: readonly TopicPartition[]): void {
    const kept = new Set(places.map(formatPartition));
    for (const [partition, { stop, done }] of [...this.#lanes]) {
      if (kept.has(partition)) continue;
      this.#lanes.delete(partition);
      stop.abort(revoked);
      const late = this.host.clock.delay(laneEndMsMax).catch(() => {});
      this.#ending.set(partition, Promise.race([done, late]));
    }
  }

  #start(place: TopicPartition): void {
    const { host, broker, flow, mistake } = this;
    const stop = new AbortController();
    const { signal } = stop;
    const reader = new SimulatedReader(host, broker, place);
    const name = formatPartition(place);
    const assignment: Assignment = {
      ...{ groupId: flow.groupId, reader, signal },
      stillOwned: async () => {
        while (!signal.aborted) {
          const accepted = await host.request(() => this.member && broker.group.beat(this.member))
            .then(() => true, () => false);
          if (accepted) return !signal.aborted;
          await host.clock.delay(200, signal).catch(() => {});
        }
        return false;
      },
      commitOffset: (offset, metadata) =>
        host.request(() => this.member && broker.commitAlone(this.member, place, offset, metadata)),
      committedOffset: () => host.request(() => broker.committedOffset(place)),
    };
    const lane = async (before: Promise<unknown> | undefined) => {
      await before;
      if (signal.aborted) return;
      const right = this.#state?.lane(reader);
      using state = right && (mistake.state?.(right) ?? right);
      await runLane(flow, assignment, this.#delivery, {
        ...{ recordBytesMax: 10_000, planMsMax: Infinity },
        partitionCount: (topic) => broker.partitionCount(topic) ?? 1,
      }, {
        ...{ recordsMax: 3, bytesMax: 1 << 20, dependencyBackoffMsMax: 2_000 },
        ...{ clock: host.clock, parking: this.#parking, state },
      });
    };
    const done = lane(this.#ending.get(name)).catch((error) => {
      if (!signal.aborted && host.isAlive) this.onHalt(error);
    });
    this.#lanes.set(name, { stop, done });
  }
}
