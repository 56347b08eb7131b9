/** What lanes and the member of a group need of whoever commits for all lanes. Owns nothing. */
import type { CommittedOffset, GroupMember, LanePlace, OffsetCommit } from "./ports.ts";
import type { OutputRecord, TopicPartition } from "./record.ts";

/** What one lane wants to be committed. */
export interface LanePlan {
  readonly records: readonly OutputRecord[];
  /** Its place and the next offset to read. */
  readonly offset: OffsetCommit;
  /** What `ready` gave to the lane's session. */
  readonly ticket: number;
  /** Fires when the partition is taken away: a plan that is in no transaction yet is dropped then. */
  readonly signal: AbortSignal;
}

/** What lanes need of it. */
export interface Committer {
  /**
   * Resolves when there is a producer to commit with, and nothing of the last one can commit any more. Gives the ticket of
   * the session's plans: they are refused once somebody has taken the producer's id away.
   */
  ready(signal: AbortSignal): Promise<number>;
  /** To be called once a partition was given to this member: ends what was left open under the partition's own id. */
  takeOver(lane: LanePlace, signal: AbortSignal): Promise<void>;
  /** The group's offset once no transaction is pending on it. */
  stableOffset(lane: LanePlace, signal: AbortSignal): Promise<CommittedOffset>;
  /** One plan a lane at a time. Throws `TransactionError`; the signal's reason where the plan was dropped. */
  commit(plan: LanePlan): Promise<void>;
}

/** What the member of the group tells it. */
export interface CommitterOwner {
  /** The member is about to join again: no transaction begins until `resume`. False when the one at hand takes longer. */
  pause(msMax: number): Promise<boolean>;
  /** The answer to SyncGroup: as whom to commit, and for which partitions. Plans for others must have been dropped. */
  resume(member: GroupMember, owned: readonly TopicPartition[]): void;
}
