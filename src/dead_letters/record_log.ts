/** What the dead letters need of Kafka's logs: partitions, ranges, readers without a group. Holds no code. */
import type { CommittedOffset, LogRange, PartitionReader } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";

/** Reads partitions under read_committed; `kafka_record_log.ts` implements it. */
export interface RecordLog {
  /** How many partitions the topic has, or undefined where there is no such topic. */
  partitionCount(topic: string): Promise<number | undefined>;
  /** The first offset kept, and the last stable offset. */
  range(partition: TopicPartition): Promise<LogRange>;
  /** The high watermark: past it lies nothing, below it may lie records of open transactions. */
  highWatermark(partition: TopicPartition): Promise<number>;
  /** A group's offset as it stands, without waiting for pending transactions: for showing, never for deciding. */
  committedOffset(groupId: string, partition: TopicPartition): Promise<CommittedOffset>;
  openReader(
    partition: TopicPartition,
    fromOffset: number,
  ): Promise<PartitionReader & AsyncDisposable>;
}
