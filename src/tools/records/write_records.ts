/** Writes lines of JSON to a topic as records, each with one of its fields as the key. Makes no topic. */
import { partitionForKey } from "../../engine/core/partition_for_key.ts";
import type { OutputRecord } from "../../engine/core/record.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { openLogSource } from "../../engine/kafka/log_source.ts";
import { openPlainProducer } from "../../engine/kafka/plain_producer.ts";

/** A line that cannot be written. What stands before it was. */
export class LineError extends Error {
  override name = "LineError";
}

/** Where to, and which field of a line is its key. */
export interface WriteOptions {
  readonly topic: string;
  readonly keyField: string;
}

const recordsMax = 500;

/**
 * Writes the lines as they come, byte for byte; empty ones are passed over. Answers with how many records that made.
 *
 * @throws {LineError} naming the first line that is no JSON object with that field, and how many were written before it
 * @throws {HaltError} where there is no such topic
 */
export async function writeRecords(
  client: KafkaClient,
  lines: AsyncIterable<string>,
  { topic, keyField }: WriteOptions,
): Promise<number> {
  await using source = openLogSource(client);
  const partitions = (await source.partitions(topic)).length;
  await using producer = await openPlainProducer(client);
  let [lineNumber, written] = [0, 0];
  let waiting: OutputRecord[] = [];
  const flush = async () => {
    if (waiting.length > 0) await producer.send(waiting);
    written += waiting.length;
    waiting = [];
  };
  for await (const line of lines) {
    lineNumber++;
    if (line.trim() === "") continue;
    const key = keyOf(line, keyField);
    if (key === undefined) {
      await flush();
      throw new LineError(
        `Line ${lineNumber} is no JSON object with the field "${keyField}" (a text or a number), which is to be the key; ` +
          `${written} record(s) before it were written`,
      );
    }
    const partition = partitionForKey(new TextEncoder().encode(key), partitions);
    waiting.push({ topic, partition, key, value: line, headers: [] });
    if (waiting.length === recordsMax) await flush();
  }
  await flush();
  return written;
}

function keyOf(line: string, field: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, field)) return undefined;
  const key: unknown = Reflect.get(value, field);
  return typeof key === "string" || typeof key === "number" ? String(key) : undefined;
}
