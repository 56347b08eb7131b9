/** All partitions of any topic, read without a group: what a rebuild needs of the log. */
import { HaltError } from "../core/errors.ts";
import type { LogRange, PartitionReader } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import { protocolErrorType } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { findDivergence } from "./find_divergence.ts";
import { translatingOutages } from "./kafka_down.ts";
import { permitted } from "./missing_permission.ts";
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

/**
 * Opens one. Connects at the first question. Outages are thrown as {@linkcode DependencyDownError}: ask again later. A topic
 * that was never there is none.
 */
export function openLogSource(client: KafkaClient): KafkaLogSource {
  const cluster = client.cluster();
  const asking = <T>(topic: string, ask: () => Promise<T>) =>
    translatingOutages(() =>
      permitted({ topics: [topic], needs: ["Read"], user: client.user }, ask)
    );
  const seen = new Set<string>();
  return {
    async partitions(topic) {
      const ask = async () => {
        if (!cluster.isConnected()) await cluster.connect();
        await cluster.addMultipleTargetTopics([topic]);
        await cluster.refreshMetadata();
        return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      };
      const ids = await asking(topic, () =>
        ask().catch((error) => {
          if (protocolErrorType(error) !== unknownTopic || seen.has(topic)) throw error;
          throw new HaltError(
            `There is no topic ${topic}: check its name in the settings, or start a worker once, which makes it`,
            { cause: error },
          );
        }));
      seen.add(topic);
      return ids.sort((a, b) => a - b);
    },
    range: (partition) => asking(partition.topic, () => readLogRange(cluster, partition)),
    topicId: (topic) => asking(topic, () => fetchTopicId(cluster, topic)),
    async divergence(partition, text) {
      const mark = parseMark(text);
      return mark && await asking(partition.topic, () => findDivergence(cluster, partition, mark));
    },
    openReader: (partition, fromOffset) =>
      asking(partition.topic, () => openPartitionReader(client, partition, fromOffset)),
    [Symbol.asyncDispose]: () => cluster.disconnect(),
  };
}

const unknownTopic = "UNKNOWN_TOPIC_OR_PARTITION";
