/**
 * Notes of how far a lane has come, beside the offset that its group has committed: for where that offset cannot be
 * believed.
 *
 * An offset expires when the group was idle for long (`offsets.retention.minutes`), and goes with a topic that is deleted:
 * then a group that has worked looks like a new one. And a coordinator may answer one that was overwritten long ago
 * (settled_offset.ts). A lane's first transaction carries a note, so that none has worked without one. Later ones are
 * written after the transactions, once a second for all lanes of a process; what a note says was committed, and stays.
 */
import type { LanePlace } from "./ports.ts";
import type { OutputRecord } from "./record.ts";

/** What is noted of a lane. */
export interface LaneNote {
  /** The identity of the topic that it worked on (KIP-516); empty where the broker did not tell. */
  readonly topicId: string;
  /** An offset that was committed; the group cannot stand below it. */
  readonly offset: number;
}

/** The notes, kept where nothing expires. */
export interface LaneNotes {
  /**
   * The latest note of this lane; to be asked while its transactional id is held. What transactions of other lanes that
   * are still open may hide is waited for with `all`, and left out without.
   */
  find(
    lane: LanePlace,
    options: { readonly all: boolean; readonly signal: AbortSignal },
  ): Promise<LaneNote | undefined>;
  /** The record that notes it, for the lane's own transaction. */
  record(lane: LanePlace, note: LaneNote): OutputRecord;
  /** This lane's note as it stands: should the place of the notes be made again, it is written there anew. */
  holds?(lane: LanePlace, note: LaneNote): void;
  /** Notes what was committed, within a second or so. Never waits and never fails. */
  committed(lane: LanePlace, note: LaneNote): void;
}
