/** What a rebuild needs of the log: its partitions, read from anywhere and without a consumer group. Holds no code. */
import type { LogRange, PartitionReader } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";

/** Reads partitions under read_committed; `src/kafka` implements it. */
export interface LogSource {
  partitions(topic: string): Promise<readonly number[]>;
  range(partition: TopicPartition): Promise<LogRange>;
  openReader(
    partition: TopicPartition,
    fromOffset: number,
  ): Promise<PartitionReader & AsyncDisposable>;
  /** What is wrong with the log at a mark that was taken of it, in words; undefined where nothing can be said against it. */
  divergence?(partition: TopicPartition, mark: string): Promise<string | undefined>;
  /** The identity of a topic in the cluster (KIP-516), where it is known. */
  topicId?(topic: string): string | undefined | Promise<string | undefined>;
}
