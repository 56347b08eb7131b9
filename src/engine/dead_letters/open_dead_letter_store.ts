/** Opens what the commands on dead letters work with, from a Kafka client. Reads need nothing made; redrives do. */
import type { Names } from "../core/names.ts";
import { withCluster } from "../kafka/group_standing.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { transactionalIdsOf } from "../kafka/lane_owner.ts";
import { compactedTopicConfig } from "../kafka/topic_config.ts";
import { createTopicDirectory } from "../kafka/topic_directory.ts";
import { groupsThatRead } from "../kafka/topic_readers.ts";
import { ensureTopics } from "../kafka/topics.ts";
import type { TopicSpec } from "../kafka/topic_spec.ts";
import { createTransactions } from "../kafka/transactions.ts";
import type { TransactorOptions } from "../kafka/transactor.ts";
import { traceRedriving } from "../observe/trace_transactions.ts";
import { openRecordLog } from "./kafka_record_log.ts";
import type { DeadLetterStore } from "./list_dead_letters.ts";

/** Options of {@linkcode openDeadLetterStore}. */
export interface StoreOptions extends TransactorOptions {
  /** The dead-letter topic. */
  readonly topic: string;
  /** Of the compacted topics, where they have to be made; -1 for three, or as many as there are brokers. */
  readonly replicationFactor?: number;
}

/** Connects lazily and makes nothing, so that listing needs no right to write. */
export function openDeadLetterStore(
  client: KafkaClient,
  { topic, replicationFactor = -1, ...transactor }: StoreOptions,
): DeadLetterStore & AsyncDisposable {
  const log = openRecordLog(client);
  const topics = createTopicDirectory(client);
  const transactions = createTransactions(client, { ...transactor, topics });
  return {
    log,
    transactions: traceRedriving(transactions),
    transactionalIdsOf: (lane, signal) =>
      withCluster(client, (cluster) => transactionalIdsOf(cluster, lane, signal)),
    groupsThatRead: (name) => withCluster(client, (cluster) => groupsThatRead(cluster, name)),
    lookUp: (names) => topics.lookUp(names),
    topic,
    async prepare() {
      await ensureTopics(client, stateTopics(client.names, replicationFactor));
    },
    async [Symbol.asyncDispose]() {
      await transactions[Symbol.asyncDispose]();
      await topics[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

/** The compacted topics of this room, to be made before a worker with parking or a redrive starts. */
export function stateTopics(
  { parked, redriven }: Names,
  replicationFactor: number,
): readonly TopicSpec[] {
  return [redriven, parked].map((topic) => ({
    topic,
    partitions: 1,
    replicationFactor,
    uses: ["state"],
    config: compactedTopicConfig,
  }));
}
