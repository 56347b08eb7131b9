/** What a run of a flow may be told, and the defaults. Holds no code. */
import type { Guarantee } from "../core/delivery.ts";
import type { Health } from "../core/health.ts";
import type { LaneBoard } from "../core/lane_board.ts";
import type { LaneObserver } from "../core/lane_observer.ts";
import type { TopicPartition } from "../core/record.ts";
import type { LaneState } from "../core/state.ts";
import type { FetcherOptions } from "../kafka/fetcher_options.ts";
import type { TransactorOptions } from "../kafka/transactor.ts";
import type { WatchOptions } from "../kafka/watch_transactions.ts";

/** Bounds of a running flow. */
export interface RunFlowOptions {
  /** That of the flow where absent, or `exactly-once`. Where the flow says one too, it must be the same. */
  readonly guarantee: Guarantee;
  /** Records in one transaction. */
  readonly batchRecordsMax: number;
  /** Bytes of input in one transaction. */
  readonly batchBytesMax: number;
  /** No record is begun after this long in one transaction, milliseconds. */
  readonly batchPlanMsMax: number;
  /** The largest record and the largest record batch, bytes; below the topics' `max.message.bytes`. */
  readonly requestBytesMax: number;
  /** The coordinator aborts a transaction that is open for longer, milliseconds. */
  readonly transactionTimeoutMs: number;
  /** The group gives a silent member's partitions away after this long, milliseconds. */
  readonly sessionTimeoutMs: number;
  /** The longest pause before a dependency that is down is tried again, milliseconds. */
  readonly dependencyBackoffMsMax: number;
  /** Memory that the state of all partitions of this process may take, bytes, near enough; it halts over it. */
  readonly stateBytesMax: number;
  /** Partitions of the topics that are made because they are missing. */
  readonly topicPartitions: number;
  /** Replicas of those topics; -1 for three, or as many as there are brokers. */
  readonly topicReplicationFactor: number;
  /**
   * How long a dead-letter topic that is made keeps its records, milliseconds; -1 for ever. Of one that is there it is checked,
   * and said where it differs.
   */
  readonly deadLetterRetentionMs: number;
  /** Told what stands in the way of this flow; the changes are logged where absent, too. */
  readonly health?: Health;
  /** Told what the lanes do. */
  readonly observer?: LaneObserver;
  /** Told of each partition in which a transaction was ended that Kafka had forgotten there. */
  readonly onForgotten?: (outcome: "commit" | "abort") => void;
  /** Told which partitions this process has, after each rebalance. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
}

/** What only tests and benchmarks set. */
export interface RunFlowHooks {
  readonly fetch?: FetcherOptions;
  readonly onStep?: TransactorOptions["onStep"];
  /** Puts another in the place of a lane's state. */
  readonly state?: (right: LaneState) => LaneState;
  /** Somebody else watches the lanes, and the transactions on the flow's topics. */
  readonly board?: LaneBoard;
  /** How often the topics that are written to are looked at, milliseconds. */
  readonly topicsLookMs?: number;
  /** How often open transactions are looked for. */
  readonly watch?: Pick<WatchOptions, "intervalMs" | "graceMs">;
}

/** Exactly-once, with bounds that suit a laptop as well as a server. */
export const runFlowDefaults: RunFlowOptions = {
  guarantee: "exactly-once",
  batchRecordsMax: 2_000,
  batchBytesMax: 4 * 1024 * 1024,
  batchPlanMsMax: 5_000,
  requestBytesMax: 900_000,
  transactionTimeoutMs: 10_000,
  sessionTimeoutMs: 10_000,
  dependencyBackoffMsMax: 5_000,
  stateBytesMax: 512 * 1024 * 1024,
  topicPartitions: 4,
  topicReplicationFactor: -1,
  deadLetterRetentionMs: -1,
};
