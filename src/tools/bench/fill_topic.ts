/** Fills a topic with the benchmark's events, spread by key as every Kafka client does. */
import { partitionForKey } from "../../engine/core/partition_for_key.ts";
import { type OutputRecord, textHeader } from "../../engine/core/record.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { openPlainProducer } from "../../engine/kafka/plain_producer.ts";
import { benchOrderOf } from "./bench_event.ts";

const sendRecords = 5_000;
const encoder = new TextEncoder();

/** How the input's records are written. */
export interface InputForm {
  readonly partitions: number;
  /** Each brings a trace; of one in a hundred the spans are kept. */
  readonly traced?: boolean;
}

/** The record of the event with that number. */
export function inputRecord(
  topic: string,
  number: number,
  { partitions, traced = false }: InputForm,
): OutputRecord {
  const order = benchOrderOf(number);
  const key = encoder.encode(order.order_id);
  return {
    topic,
    partition: partitionForKey(key, partitions),
    key,
    value: encoder.encode(JSON.stringify(order)),
    headers: traced ? [textHeader("traceparent", traceparentOf(number))] : [],
  };
}

/** As whoever wrote the event began it. */
function traceparentOf(number: number): string {
  const id = (number + 1).toString(16);
  return `00-${id.padStart(32, "0")}-${id.padStart(16, "0")}-0${number % 100 === 0 ? 1 : 0}`;
}

/** Writes the events 0 to `count - 1`. */
export async function fillTopic(
  client: KafkaClient,
  topic: string,
  { count, signal, ...form }: InputForm & {
    readonly count: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await using producer = await openPlainProducer(client);
  for (let from = 0; from < count; from += sendRecords) {
    signal.throwIfAborted();
    const size = Math.min(sendRecords, count - from);
    await producer.send(
      Array.from({ length: size }, (_, index) => inputRecord(topic, from + index, form)),
    );
  }
}
