/**
 * Checkpoints of how far a lane has come, beside the offset that its group has committed: for where that offset cannot be
 * believed.
 *
 * An offset expires when the group was idle for long (`offsets.retention.minutes`), and goes with a topic that is deleted:
 * then a group that has worked looks like a new one. And a coordinator may answer one that was overwritten long ago
 * (settled_offset.ts). A lane's first transaction carries a checkpoint, so that none has worked without one. Later ones are
 * written after the transactions, once a second for all lanes of a process; what a checkpoint says was committed, and stays.
 */
import type { LanePlace } from "./ports.ts";
import type { OutputRecord } from "./record.ts";

/** What a lane has reached. */
export interface LaneCheckpoint {
  /** The identity of the topic that it worked on (KIP-516); empty where the broker did not tell. */
  readonly topicId: string;
  /** An offset that was committed; the group cannot stand below it. */
  readonly offset: number;
}

/** The checkpoints, kept where nothing expires. */
export interface LaneCheckpoints {
  /**
   * The latest checkpoint of this lane; to be asked while its transactional id is held. With `all` it waits for
   * open transactions of other lanes; without, it leaves out what they hide.
   */
  find(
    lane: LanePlace,
    options: { readonly all: boolean; readonly signal: AbortSignal },
  ): Promise<LaneCheckpoint | undefined>;
  /** Its record, for the lane's own transaction. */
  record(lane: LanePlace, checkpoint: LaneCheckpoint): OutputRecord;
  /** Remembers this lane's checkpoint without writing it now: should the topic of the checkpoints be recreated, it is written there. */
  keep?(lane: LanePlace, checkpoint: LaneCheckpoint): void;
  /** Writes what was committed, within a second or so. Never waits and never fails. */
  committed(lane: LanePlace, checkpoint: LaneCheckpoint): void;
}
