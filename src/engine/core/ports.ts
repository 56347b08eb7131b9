/** What the engine needs from the outside. `src/kafka` implements these; tests and other brokers could too. */
import { brand, hasBrand } from "./error_brand.ts";
import type { InputRecord, OutputRecord, TopicPartition } from "./record.ts";

/** A consumer group's offset for one partition, with the metadata text that was committed with it. */
export interface CommittedOffset {
  /** The next offset to read, or -1 where the group has committed none. */
  readonly offset: number;
  readonly metadata: string;
}

/** A lane: one group's work on one partition. */
export interface LanePlace extends TopicPartition {
  /** The consumer group. */
  readonly groupId: string;
}

/** An offset to commit: the next offset to read. */
export interface OffsetCommit extends LanePlace {
  readonly offset: number;
  readonly metadata?: string;
}

/**
 * A member of a group in one of its generations. The group's coordinator takes offsets from the members of the present
 * generation only (KIP-447).
 */
export interface GroupMember {
  readonly generationId: number;
  readonly memberId: string;
}

/** All that becomes visible at once, or never. */
export interface AtomicWrite {
  readonly records: readonly OutputRecord[];
  readonly offsets: readonly OffsetCommit[];
  /** As whom the offsets are committed; absent for a group that has no members, as the relay's. */
  readonly member?: GroupMember;
}

/**
 * What a failed transaction means to its owner, after Kafka Streams (`TaskMigratedException`, `TaskCorruptedException`):
 * - `migrated`: another producer holds this transactional id now; stop, or ask the group who owns the partition;
 * - `left-behind`: the group has gone on without this member and refused its offsets, so that nothing was committed; ask the
 *   group who owns the partition;
 * - `unknown`: it may have committed or not; open a new transactor and read the stable offset, which is the outcome;
 * - `rejected`: the broker refused the records themselves and nothing was committed;
 * - `blocked`: something at the cluster is in the way that a person can change while we run (a permission, a topic that is
 *   gone, too few replicas): say so, and try again as after `unknown` until it is changed;
 * - `fatal`: no retry can help (an unsupported broker, a setting of ours).
 */
export type TransactionVerdict =
  | "migrated"
  | "left-behind"
  | "unknown"
  | "rejected"
  | "blocked"
  | "fatal";

/** Thrown by a transactor, which must be disposed of then and never used again, unless `begun` is false. */
export class TransactionError extends Error {
  static {
    brand(this, "TransactionError");
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(this, TransactionError, "TransactionError", value);
  }

  /** The topic whose records the broker did not take, where it was that and is known. */
  readonly topic: string | undefined;
  /** False where nothing of the transaction was sent: nothing is in doubt, and the transactor may be used again. */
  readonly begun: boolean;

  constructor(
    readonly verdict: TransactionVerdict,
    message: string,
    { begun = true, topic, ...options }: ErrorOptions & {
      readonly begun?: boolean;
      readonly topic?: string;
    } = {},
  ) {
    super(message, options);
    this.name = "TransactionError";
    this.topic = topic;
    this.begun = begun;
  }
}

/**
 * The owner of one transactional id, fenced by InitProducerId when it was opened. It owns begin, send, sendOffsets and
 * commit; it never retries a step whose outcome is unknown.
 */
export interface Transactor extends AsyncDisposable {
  readonly transactionalId: string;
  /** Writes all of it in one transaction. Throws {@linkcode TransactionError}. */
  commit(write: AtomicWrite): Promise<void>;
}

/** Opens transactors, and answers what their transactions left behind. */
export interface Transactions {
  /** InitProducerId: fences every older owner of this id and finishes or aborts what it left open. */
  open(transactionalId: string, signal?: AbortSignal): Promise<Transactor>;
  /** As `open` does, for an id that this process will not use; nothing where nobody has ever used it. */
  shutOut(transactionalId: string, signal?: AbortSignal): Promise<void>;
  /** OffsetFetch with `require_stable` (KIP-447): waits until no transaction is pending on that offset. */
  stableOffset(
    groupId: string,
    partition: TopicPartition,
    signal?: AbortSignal,
  ): Promise<CommittedOffset>;
}

/** The readable range of a partition: `start` is the first offset kept, `end` the last stable offset. */
export interface LogRange {
  readonly start: number;
  readonly end: number;
}

/** A batch of records read from one partition, contiguous with what was read before it. */
export interface InputBatch {
  /** In offset order. May be empty, when everything up to `nextOffset` was a control record or was aborted. */
  readonly records: readonly InputRecord[];
  /** The offset to commit once all of `records` are done: past the records, past what was filtered behind them. */
  readonly nextOffset: number;
  /** What lies just below `nextOffset` ({@linkcode PartitionReader.mark}). */
  readonly mark?: string;
}

/** Bounds of one batch. */
export interface BatchBounds {
  readonly recordsMax: number;
  readonly bytesMax: number;
}

/** Reads one partition in order from a position, under read_committed. */
export interface PartitionReader extends TopicPartition {
  /** The offset that the next batch starts from. */
  readonly position: number;
  /** Starts again from there; what was fetched ahead is dropped. */
  seek(offset: number): void;
  /** The next batch; waits for one. Rejects with the signal's reason when that fires. */
  next(bounds: BatchBounds, signal: AbortSignal): Promise<InputBatch>;
  /** Where the log starts and ends at this moment. */
  range(): Promise<LogRange>;
  /** The topic's identity now (KIP-516), where the broker tells: one that was deleted and recreated has another. */
  topicId?(): Promise<string | undefined>;
  /** What lies just below the position, as a text without spaces; undefined where nothing was read yet. */
  readonly mark?: string;
  /**
   * Whether the log is the one that a mark was taken of: what is wrong, in words, or undefined. The answer undefined also
   * stands for "it cannot be said": what was read is not there any more.
   */
  divergence?(mark: string): Promise<string | undefined>;
}

/** One partition, owned by this member of a group for as long as `signal` has not fired. */
export interface Assignment {
  readonly groupId: string;
  readonly reader: PartitionReader;
  /** Fires when the partition is revoked or the member stops. */
  readonly signal: AbortSignal;
  /** Asks the coordinator now: true while this member is in the group's present generation. */
  stillOwned(): Promise<boolean>;
  /** Plain offset commit as this member of the group, for the guarantees weaker than exactly-once. */
  commitOffset(offset: number, metadata?: string): Promise<void>;
  /** The group's committed offset, without waiting for pending transactions. */
  committedOffset(): Promise<CommittedOffset>;
}
