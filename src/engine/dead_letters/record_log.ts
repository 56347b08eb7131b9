/** What the dead letters need of Kafka's logs: partitions, ranges, readers without a group. Holds no code. */
import type { CommittedOffset, LogRange } from "../core/ports.ts";
import type { RangeSource } from "../core/read_range.ts";
import type { Names } from "../core/names.ts";
import type { TopicPartition } from "../core/record.ts";

/** Reads partitions under read_committed; `kafka_record_log.ts` implements it. */
export interface RecordLog extends RangeSource {
  /** What groups and topics of ours are called there. */
  readonly names: Names;
  /** How many partitions the topic has, or undefined where there is no such topic. */
  partitionCount(topic: string): Promise<number | undefined>;
  /** The topic's identity (KIP-516), where it is known: one that was deleted and recreated has another. */
  topicId?(topic: string): Promise<string | undefined>;
  /** The cluster's time where it tells it, else this host's: milliseconds since the epoch. */
  now(): Promise<number>;
  /** The first offset kept, and the last stable offset. */
  range(partition: TopicPartition): Promise<LogRange>;
  /** The high watermark: past it lies nothing, below it may lie records of open transactions. */
  highWatermark(partition: TopicPartition): Promise<number>;
  /** A group's offset as it stands, without waiting for pending transactions: for showing, never for deciding. */
  committedOffset(groupId: string, partition: TopicPartition): Promise<CommittedOffset>;
}
