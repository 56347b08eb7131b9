/** Fills a topic with the benchmark's events, spread by key as every Kafka client does. */
import { partitionForKey } from "../../engine/core/partition_for_key.ts";
import type { OutputRecord } from "../../engine/core/record.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { openPlainProducer } from "../../engine/kafka/plain_producer.ts";
import { benchOrderOf } from "./bench_event.ts";

const sendRecords = 5_000;
const encoder = new TextEncoder();

/** The record of the event with that number. */
export function inputRecord(topic: string, number: number, partitions: number): OutputRecord {
  const order = benchOrderOf(number);
  const key = encoder.encode(order.order_id);
  return {
    topic,
    partition: partitionForKey(key, partitions),
    key,
    value: encoder.encode(JSON.stringify(order)),
    headers: [],
  };
}

/** Writes the events 0 to `count - 1`. */
export async function fillTopic(
  client: KafkaClient,
  topic: string,
  { count, partitions, signal }: {
    readonly count: number;
    readonly partitions: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await using producer = await openPlainProducer(client);
  for (let from = 0; from < count; from += sendRecords) {
    signal.throwIfAborted();
    const size = Math.min(sendRecords, count - from);
    await producer.send(
      Array.from({ length: size }, (_, index) => inputRecord(topic, from + index, partitions)),
    );
  }
}
