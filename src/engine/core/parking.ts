/**
 * The hook by which a lane parks keys: what `park: "key"` needs of the lane, and the argument why order holds.
 *
 * A key is parked from its first dead letter on. Its later records follow it to the dead letters, numbered in a queue,
 * until all of the queue has been redriven and has succeeded. The lane alone decides:
 *
 * 1. A record of a parked key is processed only when it carries the queue's next number; otherwise it is parked. Numbers
 *    are given once, in the order of arrival, and stay with the record through redrives and further failures. So records
 *    of a key are processed in the order of their numbers, whatever is redriven, in whatever order, by however many
 *    operators at a time, and whatever arrives meanwhile.
 * 2. The key is free again when the last number given has succeeded: then nothing of it is parked, and what comes next in
 *    the partition came later than all of it. No marker record is needed: the last record of the queue is the marker, and
 *    records that arrive between the redrive and its processing are parked behind it with higher numbers.
 * 3. The state (queue, numbers given, numbers done) is an entry in the compacted topic `<namespace>.parked`, written in the
 *    transaction that holds the dead letters and the offset. So it stands exactly where the committed offset stands. It
 *    is read after fencing, when no older owner can write it any more, up to the high watermark (redrive_state.ts says
 *    why not to the last stable offset), and before the first record is planned.
 * 4. What a plan changes is tentative until its transaction has committed; a session that fails drops it and loads anew.
 *
 * Not covered: a key whose records never pause is unparked only when a redrive reaches the lane before the next record
 * does; each round of `unpark` sends what gathered since the last one. Null keys have no order and are never parked.
 */
import type { Planned } from "./planned.ts";
import type { InputRecord, OutputRecord, TopicPartition } from "./record.ts";

/** What a lane whose flow has `park: "key"` is given. */
export interface Parking {
  /** To be called in each session, after fencing and before the first record is planned. */
  load(
    lane: TopicPartition & { readonly groupId: string },
    signal: AbortSignal,
  ): Promise<ParkedKeys>;
}

/** The parked keys of one input partition, for one session. */
export interface ParkedKeys {
  readonly size: number;
  /** The identity of the topic that they were loaded from, where it is known. */
  readonly topicId?: string;
  /** Begins one plan; all plans before it must be committed or dropped. */
  plan(): ParkingPlan;
}

/** What one plan does to the parked keys. Dropped, not undone, when the plan is. */
export interface ParkingPlan {
  /**
   * Wraps the planning of one record: parks it, or runs `plan` and takes note of the outcome. Records of one key must
   * come one after the other. `plan` must answer "dead-letter" for whatever becomes a dead letter in the end, also for
   * outputs that are too large.
   */
  guard(
    record: InputRecord,
    plan: () => Planned | Promise<Planned>,
  ): Planned | Promise<Planned>;
  /** How many keys are parked once this plan has committed. */
  readonly size: number;
  /** The record to make the dead letter from: with its number in the queue among its headers. */
  numbered(record: InputRecord): InputRecord;
  /** The entries to write in the transaction of the outputs. */
  entries(): readonly OutputRecord[];
  /** To be called once that transaction has committed. */
  committed(): void;
}
