/** Decides from the ends of partitions whether the lanes of this process come on. It asks nobody. */
import { type Health, laneCheck } from "../core/health.ts";
import type { LaneStanding } from "../core/lane_board.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { noLeaderReason } from "../kafka/no_leader.ts";
import type { PartitionEnd } from "../kafka/partition_ends.ts";

/** Told of figures, for metrics. */
export interface LaneFigures {
  lag?(lane: LaneStanding, records: number): void;
  /** How long the last stable offset has stood behind an open transaction, seconds; 0 where none is open. */
  stableOffsetAge?(partition: TopicPartition, seconds: number): void;
  /** The lane has ended: its series go. `last` when no other lane of this process reads the partition. */
  ended?(lane: LaneStanding, last: boolean): void;
}

/** Who is told, and how long something may stand. */
export interface LaneJudgeOptions {
  readonly health: Health;
  readonly figures?: LaneFigures;
  /** Transactions are open for no longer, milliseconds. Absent where somebody else says what holds readers back. */
  readonly transactionTimeoutMs?: number;
  /** A lane with records to read may stand still for so long. Default half a minute. */
  readonly standsMsMax?: number;
}

/** What was seen of something that should move, and since when. */
interface Seen {
  value: number;
  /** Monotonic, milliseconds. */
  since: number;
}

/** A lane's position, and when its partition's leader last said where that ends. */
interface Progress extends Seen {
  heardAt: number;
}

/** Decides what the figures say of each lane. */
export class LaneJudge {
  readonly #progress = new Map<LaneStanding, Progress>();
  readonly #stable = new Map<string, Seen>();
  #lookedAt = -Infinity;

  constructor(
    readonly watch: LaneJudgeOptions,
    readonly now: () => number = () => performance.now(),
  ) {}

  look(lanes: readonly LaneStanding[], ends: readonly PartitionEnd[]): void {
    const byName = new Map(ends.map((end) => [formatPartition(end), end]));
    this.#passOverPause();
    for (const lane of lanes) this.#judge(lane, byName.get(formatPartition(lane)));
    for (const end of byName.values()) this.#judgeStable(end);
  }

  /** Takes back what was said of these lanes; what others say of their partitions, such as why one halted, stays. */
  ended(gone: readonly LaneStanding[], running: readonly LaneStanding[]): void {
    const { health, figures } = this.watch;
    const read = new Set(running.map(formatPartition));
    const unread = new Set<string>();
    for (const lane of gone) {
      const check = laneCheck(lane);
      const last = !read.has(formatPartition(lane));
      this.#progress.delete(lane);
      health.remove(check, stalledCause(lane));
      if (last) {
        this.#stable.delete(formatPartition(lane));
        for (const cause of ["leader", "unstable"]) health.remove(check, cause);
        unread.add(check);
      }
      figures?.ended?.(lane, last);
    }
    if (unread.size === 0) return;
    // Once for all of them: it lists all conditions, and a process may end a thousand lanes within its last seconds.
    for (const { name, ok } of health.ready().checks) {
      if (ok && unread.has(name)) health.remove(name);
    }
  }

  /** This process itself stood still (it was frozen, its host slept): no lane is to blame. */
  #passOverPause(): void {
    const now = this.now();
    const { standsMsMax = standsMsMaxDefault } = this.watch;
    if (now - this.#lookedAt > standsMsMax) {
      for (const seen of this.#progress.values()) seen.since = seen.heardAt = now;
    }
    this.#lookedAt = now;
  }

  #judge(lane: LaneStanding, end: PartitionEnd | undefined): void {
    const { health, figures, standsMsMax = standsMsMaxDefault } = this.watch;
    const check = laneCheck(lane);
    const now = this.now();
    let seen = this.#progress.get(lane);
    if (!seen) {
      seen = { value: lane.position, since: now, heardAt: now };
      this.#progress.set(lane, seen);
    }
    const readable = end?.lastStableOffset ?? -1;
    if (readable >= 0 || !end?.led) seen.heardAt = now;
    if (end && !end.led) health.down(check, noLeaderReason, { cause: "leader" });
    else if (now - seen.heardAt > standsMsMax) {
      health.down(check, "the partition's leader does not answer", { cause: "leader" });
    } else if (readable >= 0) health.up(check, "leader");
    if (end && end.highWatermark >= 0 && lane.position >= 0) {
      figures?.lag?.(lane, Math.max(0, end.highWatermark - lane.position));
    }
    const caughtUp = lane.position >= 0 && readable >= 0 && lane.position >= readable;
    // While Kafka says nothing, or nobody leads the partition, there is nothing to hold the lane against.
    if (readable < 0) seen.since = now;
    if (caughtUp || seen.value !== lane.position) {
      Object.assign(seen, { value: lane.position, since: now });
      health.up(check, stalledCause(lane));
    } else if (now - seen.since > standsMsMax && (lane.position < 0 || readable > lane.position)) {
      const what = lane.position < 0
        ? "has not been able to start"
        : `stands still at offset ${lane.position} with records before it`;
      health.down(check, `${lane.groupId} ${what}`, { cause: stalledCause(lane) });
    }
  }

  #judgeStable(end: PartitionEnd): void {
    const { health, figures, transactionTimeoutMs } = this.watch;
    const { lastStableOffset, highWatermark } = end;
    if (lastStableOffset < 0 || highWatermark < 0) return;
    const key = formatPartition(end);
    const now = this.now();
    const seen = this.#stable.get(key);
    if (lastStableOffset >= highWatermark || seen?.value !== lastStableOffset) {
      this.#stable.set(key, { value: lastStableOffset, since: now });
      figures?.stableOffsetAge?.(end, 0);
      health.up(laneCheck(end), "unstable");
      return;
    }
    const ageMs = now - seen.since;
    figures?.stableOffsetAge?.(end, ageMs / 1000);
    if (transactionTimeoutMs !== undefined && ageMs > transactionTimeoutMs + graceMs) {
      const reason =
        `an open transaction has held back all records from offset ${lastStableOffset} on ` +
        `for more than ${Math.round((transactionTimeoutMs + graceMs) / 1000)} s`;
      health.down(laneCheck(end), reason, { cause: "unstable" });
    }
  }
}

const standsMsMaxDefault = 30_000;
/** After its timeout a transaction is aborted within the coordinator's next look at it. */
const graceMs = 15_000;

/** Two groups of a process may read one partition: each takes back its own. */
function stalledCause({ groupId }: LaneStanding): string {
  return `stalled ${groupId}`;
}
