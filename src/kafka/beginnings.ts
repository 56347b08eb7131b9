/** Keeps the notes of lanes in the compacted topic `onceflow.beginnings`: one record for each lane that ever committed. */
import type { Beginning, Beginnings } from "../core/beginnings.ts";
import type { LanePlace } from "../core/ports.ts";
import type { OutputRecord, TopicPartition } from "../core/record.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { openPartitionReader } from "./open_partition_reader.ts";
import type { TopicSpec } from "./topics.ts";

const topic = "onceflow.beginnings";
/** Always the first partition: a choice by hash would lose the notes when somebody adds partitions. */
const place: TopicPartition = { topic, partition: 0 };
const bounds = { recordsMax: 1_000, bytesMax: 1024 * 1024 };
const decoder = new TextDecoder();

/** The topic, to be made before a lane starts. It must never be deleted. */
export function beginningsTopic(replicationFactor: number): TopicSpec {
  return { topic, partitions: 1, replicationFactor, config: { "cleanup.policy": "compact" } };
}

/** Reads the notes of one cluster. */
export function openBeginnings(client: KafkaClient): Beginnings {
  return {
    find: (lane, signal) => findNote(client, lane, signal),
    note: (lane, { topicId }): OutputRecord => ({
      ...place,
      key: keyOf(lane),
      value: topicId,
      headers: [],
    }),
  };
}

/**
 * Up to the high watermark, not the last stable offset: a transaction of another lane that is still open may hide the
 * note, and is waited for.
 */
async function findNote(
  client: KafkaClient,
  lane: LanePlace,
  signal: AbortSignal,
): Promise<Beginning | undefined> {
  const cluster = client.cluster();
  try {
    const { start } = await readLogRange(cluster, place, { signal });
    const { end } = await readLogRange(cluster, place, { isolationLevel: 0, signal });
    if (start === end) return undefined;
    await using reader = await openPartitionReader(client, place, start);
    const key = keyOf(lane);
    let found: Beginning | undefined;
    for (let position = start; position < end;) {
      const { records, nextOffset } = await reader.next(bounds, signal);
      for (const record of records) {
        if (decoder.decode(record.key ?? undefined) !== key) continue;
        found = { topicId: decoder.decode(record.value ?? undefined) };
      }
      position = nextOffset;
    }
    return found;
  } finally {
    await cluster.disconnect();
  }
}

function keyOf({ groupId, topic, partition }: LanePlace): string {
  return `${groupId}/${topic}/${partition}`;
}
