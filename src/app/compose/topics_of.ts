/** The topics of the reference application, by what they are for. */
import type { Config } from "../../config.ts";
import {
  deadLettersForEverMs,
  deadLetterTopicConfig,
  historyTopicConfig,
} from "../../engine/kafka/topic_config.ts";
import { ensureTopics } from "../../engine/kafka/topics.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import type { TopicSpec } from "../../engine/kafka/topic_spec.ts";
import type { Role } from "./roles.ts";

/** How long dead letters are kept, milliseconds; -1 for ever. */
export function deadLetterRetentionMs(
  { DEAD_LETTERS_RETENTION_HOURS: hours }: Pick<Config, "DEAD_LETTERS_RETENTION_HOURS">,
): number {
  return hours === undefined ? deadLettersForEverMs : hours * 3_600_000;
}

/**
 * Makes what is missing and answers with the number of partitions of each topic.
 *
 * @param roles whose topics: a role needs no permission on the others'; all where absent
 */
export function ensureAppTopics(
  client: KafkaClient,
  config: Config,
  roles?: readonly Role[],
): Promise<ReadonlyMap<string, number>> {
  return ensureTopics(client, appTopics(config, roles));
}

/** What they must be. */
export function appTopics(config: Config, roles?: readonly Role[]): readonly TopicSpec[] {
  const has = (...users: Role[]) => !roles || users.some((role) => roles.includes(role));
  const reads = (...users: Role[]) => roles && has(...users) ? ["Read"] : [];
  const writes = (...users: Role[]) => roles && has(...users) ? ["Write"] : [];
  const partitions = config.TOPIC_PARTITIONS;
  const replicationFactor = config.TOPIC_REPLICATION_FACTOR;
  const common = { partitions, replicationFactor, recordBytesMax: config.REQUEST_BYTES_MAX };
  return [
    {
      ...common,
      topic: config.ORDERS_TOPIC,
      config: historyTopicConfig,
      uses: ["input", "history", "output"],
      needs: [...reads("flow", "projector"), ...writes("relay")],
    },
    ...has("flow", "projector")
      ? [{
        ...common,
        topic: config.INVOICES_TOPIC,
        config: historyTopicConfig,
        uses: ["history", "output"] as const,
        needs: [...reads("projector"), ...writes("flow")],
      }, {
        ...common,
        topic: config.DEAD_LETTERS_TOPIC,
        config: deadLetterTopicConfig(deadLetterRetentionMs(config)),
        uses: ["dead-letters"] as const,
        needs: [...reads("projector"), ...writes("flow")],
      }]
      : [],
    // It holds no records: only the relay group's offsets on it count, one partition a shard.
    ...has("relay")
      ? [{
        topic: config.OUTBOX_CURSOR_TOPIC,
        partitions: config.OUTBOX_SHARDS,
        replicationFactor,
        uses: ["cursor"] as const,
        needs: ["Read"],
      }]
      : [],
  ];
}
