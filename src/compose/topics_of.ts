/** The topics of the reference application, by what they are for. */
import type { Config } from "../config.ts";
import { deadLetterTopicConfig, ensureTopics } from "../kafka/topics.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";

/** Makes what is missing and answers with the number of partitions of each topic. */
export function ensureAppTopics(
  client: KafkaClient,
  config: Config,
): Promise<ReadonlyMap<string, number>> {
  const partitions = config.TOPIC_PARTITIONS;
  const replicationFactor = config.TOPIC_REPLICATION_FACTOR;
  return ensureTopics(client, [
    { topic: config.ORDERS_TOPIC, partitions, replicationFactor },
    { topic: config.INVOICES_TOPIC, partitions, replicationFactor },
    {
      topic: config.DEAD_LETTERS_TOPIC,
      partitions,
      replicationFactor,
      config: deadLetterTopicConfig,
    },
    // It holds no records: only the relay group's offsets on it count, one partition a shard.
    { topic: config.OUTBOX_CURSOR_TOPIC, partitions: config.OUTBOX_SHARDS, replicationFactor },
  ]);
}
