/** The topics of the reference application, by what they are for. */
import type { Config } from "../config.ts";
import { deadLetterTopicConfig, ensureTopics, historyTopicConfig } from "../kafka/topics.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";

/** Makes what is missing and answers with the number of partitions of each topic. */
export function ensureAppTopics(
  client: KafkaClient,
  config: Config,
): Promise<ReadonlyMap<string, number>> {
  const partitions = config.TOPIC_PARTITIONS;
  const replicationFactor = config.TOPIC_REPLICATION_FACTOR;
  const common = { partitions, replicationFactor, recordBytesMax: config.REQUEST_BYTES_MAX };
  return ensureTopics(client, [
    {
      ...common,
      topic: config.ORDERS_TOPIC,
      config: historyTopicConfig,
      uses: ["input", "history", "output"],
    },
    {
      ...common,
      topic: config.INVOICES_TOPIC,
      config: historyTopicConfig,
      uses: ["history", "output"],
    },
    {
      ...common,
      topic: config.DEAD_LETTERS_TOPIC,
      config: deadLetterTopicConfig,
      uses: ["dead-letters"],
    },
    // It holds no records: only the relay group's offsets on it count, one partition a shard.
    {
      topic: config.OUTBOX_CURSOR_TOPIC,
      partitions: config.OUTBOX_SHARDS,
      replicationFactor,
      uses: ["cursor"],
    },
  ]);
}
