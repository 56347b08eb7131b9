/** Kafka as a rebuild reads it, and topics of a test's own. */
import { type OutputRecord, textHeader } from "../../src/engine/core/record.ts";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { readLogRange } from "../../src/engine/kafka/log_range.ts";
import { openPartitionReader } from "../../src/engine/kafka/open_partition_reader.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { openTransactor } from "../../src/engine/kafka/transactor.ts";
import type { LogSource } from "../../src/engine/projection/log_source.ts";
import { services } from "../support/services.ts";
import {
  deadLetter,
  invoiced,
  type NewRecord,
  placed,
  topics,
} from "./projection_order_records.ts";

export interface KafkaLog extends LogSource, AsyncDisposable {
  readonly client: KafkaClient;
  /** The topics of {@linkcode topics} under names of this test's own. */
  readonly topics: typeof topics;
  /** Writes in one transaction; topics and partitions are those of the records. */
  write(records: readonly NewRecord[]): Promise<void>;
  /** The record for those topics. */
  renamed(record: NewRecord): OutputRecord;
}

export async function kafkaLog(partitions: number): Promise<KafkaLog> {
  const { kafkaBrokers } = await services();
  const client = createKafkaClient({ brokers: kafkaBrokers, clientId: "test", ssl: false });
  const id = crypto.randomUUID().slice(0, 8);
  const own = {
    ...topics,
    orders: `orders-${id}`,
    invoices: `invoices-${id}`,
    deadLetters: `orders-${id}.DLQ`,
  };
  const names = new Map(
    [[topics.orders, own.orders], [topics.invoices, own.invoices], [
      topics.deadLetters,
      own.deadLetters,
    ]],
  );
  const counts = await ensureTopics(
    client,
    [...names.values()].map((topic) => ({ topic, partitions, replicationFactor: 1 })),
  );
  const cluster = client.cluster();
  await cluster.connect();
  const transactor = await openTransactor(client, `test-${id}`, { transactionTimeoutMs: 30_000 });
  const renamed = (record: NewRecord): OutputRecord => ({
    ...record,
    topic: names.get(record.topic) ?? record.topic,
    headers: record.headers.map((header) =>
      header[0] === "x-original-topic" ? textHeader(header[0], own.orders) : header
    ),
  });
  return {
    client,
    topics: own,
    partitions: (topic) =>
      Promise.resolve(Array.from({ length: counts.get(topic) ?? 0 }, (_, index) => index)),
    range: (partition) => readLogRange(cluster, partition),
    openReader: (partition, from) => openPartitionReader(client, partition, from),
    renamed,
    write: (records) => transactor.commit({ records: records.map(renamed), offsets: [] }),
    async [Symbol.asyncDispose]() {
      await transactor[Symbol.asyncDispose]();
      await cluster.disconnect();
    },
  };
}

/** Orders as the pipeline writes them: one in five is dead-lettered, the others are invoiced. */
export function orderRecords(from: number, to: number, partitions: number): NewRecord[] {
  const records: NewRecord[] = [];
  for (let i = from; i < to; i++) {
    const order = {
      orderId: `o${i}`,
      userId: `u${i % 17}`,
      amount: `${i % 90 + 1}.25`,
      partition: i % partitions,
    };
    const original = placed(order);
    records.push(original, i % 5 === 0 ? deadLetter(original, i) : invoiced(order));
  }
  return records;
}
