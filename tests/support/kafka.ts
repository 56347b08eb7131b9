/** Real topics for tests: made fresh, written to, read back under read_committed. */
import { Kafka, logLevel } from "kafkajs";
import type { OutputRecord } from "../../src/engine/core/record.ts";
import type { InputRecord } from "../../src/engine/core/record.ts";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { openPartitionReader } from "../../src/engine/kafka/open_partition_reader.ts";
import { readLogRange } from "../../src/engine/kafka/log_range.ts";
import { openPlainProducer } from "../../src/engine/kafka/plain_producer.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { services } from "./services.ts";

/** A client of the tests' broker. */
export async function testClient(): Promise<KafkaClient> {
  const { kafkaBrokers } = await services();
  return createKafkaClient({ brokers: kafkaBrokers, clientId: "onceflow-test", ssl: false });
}

/** A name that no other test has. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 13)}`;
}

/** Makes topics with that many partitions and answers with their names. */
export async function freshTopics(
  client: KafkaClient,
  partitions: number,
  ...prefixes: string[]
): Promise<string[]> {
  const topics = prefixes.map(uniqueName);
  await ensureTopics(
    client,
    topics.map((topic) => ({ topic, partitions, replicationFactor: 1 })),
  );
  return topics;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Deletes a topic and makes another one of its name, with one partition. */
export async function recreateTopic(
  client: KafkaClient,
  topic: string,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const admin = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
    .admin();
  await admin.connect();
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await admin.deleteTopics({ topics: [topic] });
  const topics = [{ topic, numPartitions: 1, configEntries }];
  // False for as long as the old one is there. A broker that has not heard of the new one would make the wait for leaders fail.
  while (!await admin.createTopics({ waitForLeaders: false, topics }));
  await admin.disconnect();
}

/** A record of text, or of an object as JSON. */
export function record(
  topic: string,
  partition: number,
  key: string | null,
  value: unknown,
): OutputRecord {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return {
    topic,
    partition,
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(text),
    headers: [],
  };
}

/** Writes records outside of any transaction. */
export async function produce(client: KafkaClient, records: readonly OutputRecord[]) {
  await using producer = await openPlainProducer(client);
  await producer.send(records);
}

/** How long the markers of transactions that were acknowledged may take, milliseconds. */
const markersMsMax = 60_000;

/**
 * All committed records of a partition. The end of a transaction is acknowledged before its marker is in the log, so it
 * reads up to the high watermark, and not to whatever the last stable offset is at this moment.
 */
export async function readPartition(
  client: KafkaClient,
  topic: string,
  partition = 0,
): Promise<InputRecord[]> {
  await using reader = await openPartitionReader(client, { topic, partition }, 0);
  const end = await highWatermark(client, topic, partition);
  const { start } = await reader.range();
  reader.seek(start);
  const records: InputRecord[] = [];
  while (reader.position < end) {
    const batch = await reader.next(
      { recordsMax: 10_000, bytesMax: 1 << 26 },
      AbortSignal.timeout(markersMsMax),
    );
    records.push(...batch.records);
  }
  return records;
}

/** Resolves when what was acknowledged to be committed in these topics can be read by everybody. */
export async function settled(client: KafkaClient, topics: readonly string[]): Promise<void> {
  const partitions = await ensureTopics(
    client,
    topics.map((topic) => ({ topic, partitions: 1, replicationFactor: 1 })),
  );
  for (const [topic, count] of partitions) {
    for (let partition = 0; partition < count; partition++) {
      await readPartition(client, topic, partition);
    }
  }
}

/** The end of a partition for everybody: the next offset, control records counted. */
export async function highWatermark(
  client: KafkaClient,
  topic: string,
  partition: number,
): Promise<number> {
  const cluster = client.cluster();
  try {
    return (await readLogRange(cluster, { topic, partition }, { isolationLevel: 0 })).end;
  } finally {
    await cluster.disconnect();
  }
}

/** The values of records as text. */
export function texts(records: readonly InputRecord[]): string[] {
  return records.map(({ value }) => value === null ? "" : decoder.decode(value));
}

/** The values of records as JSON. */
// deno-lint-ignore no-explicit-any -- tests know what they wrote
export function jsons(records: readonly InputRecord[]): any[] {
  return texts(records).map((text) => JSON.parse(text));
}
