/** Reads what is committed in a topic, from its beginning to where it ends now. Joins no group and moves no offset. */
import type { InputRecord } from "../../engine/core/record.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { openLogSource } from "../../engine/kafka/log_source.ts";

const batch = { recordsMax: 1_000, bytesMax: 4_000_000 };

/**
 * Partition after partition, each in its order.
 *
 * @throws {HaltError} where there is no such topic
 * @throws {DependencyDownError} where Kafka is away
 */
export async function* readRecords(
  client: KafkaClient,
  topic: string,
  signal: AbortSignal,
): AsyncGenerator<InputRecord> {
  await using source = openLogSource(client);
  for (const partition of await source.partitions(topic)) {
    const { start, end } = await source.range({ topic, partition });
    await using reader = await source.openReader({ topic, partition }, start);
    while (reader.position < end) {
      for (const record of (await reader.next(batch, signal)).records) {
        if (record.offset < end) yield record;
      }
    }
  }
}
