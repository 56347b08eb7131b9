/** What a lane tells whoever counts or logs. It must not throw, and nothing waits for it. */
import type { DeadLettered } from "./dead_letter_log.ts";
import type { InputRecord } from "./record.ts";
import type { TransactionObserver } from "./transaction_observer.ts";

/** What a transaction has made of a lane's records. */
export interface CommittedBatch {
  /** How many were read. */
  readonly records: number;
  /** How many were written, without dead letters. */
  readonly outputs: number;
  /** How many of those that were read became dead letters. */
  readonly deadLetters: number;
  /** From planning to commit, milliseconds. */
  readonly ms: number;
  /** The first of those that were read. */
  readonly first?: InputRecord;
}

/** What a lane reports; every part is optional. */
export interface LaneObserver extends TransactionObserver {
  /** A batch counts now. */
  committed?(batch: CommittedBatch): void;
  /** Records of a batch that counts now became dead letters. */
  deadLettered?(records: readonly DeadLettered[]): void;
  /** A record failed and is tried again; `attempt` is the one that failed, from 1. */
  retrying?(record: InputRecord, attempt: number, error: unknown): void;
}
