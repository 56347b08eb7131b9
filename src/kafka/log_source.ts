/** All partitions of any topic, read without a group: what a rebuild needs of the log. */
import type { LogRange, PartitionReader } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { findDivergence } from "./find_divergence.ts";
import { parseMark } from "./log_mark.ts";
import { readLogRange } from "./log_range.ts";
import { fetchTopicId } from "./topic_id.ts";
import { openPartitionReader } from "./open_partition_reader.ts";

/** Reads under read_committed. Disposing closes its connection; readers are disposed of by their owners. */
export interface KafkaLogSource extends AsyncDisposable {
  partitions(topic: string): Promise<readonly number[]>;
  range(partition: TopicPartition): Promise<LogRange>;
  topicId(topic: string): Promise<string | undefined>;
  /** See {@linkcode PartitionReader.divergence}. */
  divergence(partition: TopicPartition, mark: string): Promise<string | undefined>;
  openReader(
    partition: TopicPartition,
    fromOffset: number,
  ): Promise<PartitionReader & AsyncDisposable>;
}

/** Opens one. Connects at the first question. */
export function openLogSource(client: KafkaClient): KafkaLogSource {
  const cluster = client.cluster();
  return {
    async partitions(topic) {
      if (!cluster.isConnected()) await cluster.connect();
      await cluster.addMultipleTargetTopics([topic]);
      await cluster.refreshMetadata();
      return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId).sort(
        (a, b) => a - b,
      );
    },
    range: (partition) => readLogRange(cluster, partition),
    topicId: (topic) => fetchTopicId(cluster, topic),
    async divergence(partition, text) {
      const mark = parseMark(text);
      return mark && await findDivergence(cluster, partition, mark);
    },
    openReader: (partition, fromOffset) => openPartitionReader(client, partition, fromOffset),
    [Symbol.asyncDispose]: () => cluster.disconnect(),
  };
}
