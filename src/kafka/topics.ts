/** Topics: makes those that are missing, and knows how many partitions each has. Never changes one that exists. */
import { getLogger } from "@logtape/logtape";
import { delay } from "../core/delay.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { emitterClass, type VendorCluster } from "./vendor.ts";
import { createAdmin } from "./vendor_admin.ts";

/** A topic that must be there. */
export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** -1 for three, or as many as there are brokers: kafkajs cannot ask for the cluster's own default. */
  readonly replicationFactor: number;
  /** Topic configuration, such as `{ "cleanup.policy": "compact" }`. */
  readonly config?: Readonly<Record<string, string>>;
}

/** Room for a dead letter whose original filled a batch to the brim, and for the headers beside it. */
export const deadLetterTopicConfig = {
  "max.message.bytes": String(2 * 1_048_588),
  // They wait for a person: no week after which they are gone.
  "retention.ms": "-1",
};

const log = getLogger(["onceflow", "kafka", "topics"]);
const leaderWaitMs = 100;
const leaderAttemptsMax = 100;

/**
 * Makes the topics that do not exist yet and answers with the number of partitions of all of them.
 *
 * @throws when the cluster cannot be reached, or does not allow it
 */
export async function ensureTopics(
  client: KafkaClient,
  specs: readonly TopicSpec[],
): Promise<ReadonlyMap<string, number>> {
  const cluster = client.cluster();
  const Emitter = emitterClass();
  const admin = createAdmin()({
    cluster,
    logger: client.logger,
    retry: { initialRetryTime: 100, retries: 8 },
    instrumentationEmitter: new Emitter({}),
  });
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const missing = specs.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) {
      const replicas = Math.min(3, (await admin.describeCluster()).brokers.length);
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map(({ topic, partitions, replicationFactor, config = {} }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replicationFactor < 0 ? replicas : replicationFactor,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        })),
      });
      log.info("Made topics {topics}", { topics: missing.map(({ topic }) => topic).join(", ") });
    }
    const counts = await partitionCounts(cluster, specs.map(({ topic }) => topic));
    await untilServed(cluster, missing, counts);
    return counts;
  } finally {
    await admin.disconnect();
  }
}

/** Waits until every topic has leaders, then counts. */
async function partitionCounts(
  cluster: VendorCluster,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  for (let attempt = 1;; attempt++) {
    try {
      await cluster.addMultipleTargetTopics([...topics]);
      await cluster.refreshMetadata();
      const counts = new Map<string, number>();
      for (const topic of topics) {
        const partitions = cluster.findTopicPartitionMetadata(topic);
        if (partitions.some(({ leader }) => leader < 0) || partitions.length === 0) {
          throw new Error(`topic ${topic} has a partition without a leader`);
        }
        counts.set(topic, partitions.length);
      }
      return counts;
    } catch (error) {
      if (attempt >= leaderAttemptsMax) throw error;
      await delay(leaderWaitMs);
    }
  }
}

/** A leader that the metadata names may not know of it yet and refuse what is written; its ranges tell when it does. */
async function untilServed(
  cluster: VendorCluster,
  made: readonly TopicSpec[],
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  for (const { topic } of made) {
    for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
      await readLogRange(cluster, { topic, partition });
    }
  }
}
