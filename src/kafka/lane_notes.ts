/** Keeps the notes of lanes in the compacted topic `onceflow.lanes`. */
import { z } from "zod";
import { transactionalId } from "../core/delivery.ts";
import type { LaneNote, LaneNotes } from "../core/lane_notes.ts";
import type { LanePlace } from "../core/ports.ts";
import { readRange } from "../core/read_range.ts";
import type { TopicPartition } from "../core/record.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { openPartitionReader } from "./open_partition_reader.ts";
import type { TopicSpec } from "./topics.ts";

const topic = "onceflow.lanes";
/** Always the first partition: a choice by hash would lose the notes when somebody adds partitions. */
const place: TopicPartition = { topic, partition: 0 };
const decoder = new TextDecoder();
const shape = z.object({ topic_id: z.string(), offset: z.int() });

/** The topic, to be made before a lane starts; small, since each start reads all of it. It must never be deleted. */
export function laneNotesTopic(replicationFactor: number): TopicSpec {
  return {
    topic,
    partitions: 1,
    replicationFactor,
    config: {
      "cleanup.policy": "compact",
      "segment.ms": "600000",
      "min.cleanable.dirty.ratio": "0.1",
    },
  };
}

/** Reads and words the notes of one cluster. */
export function openLaneNotes(client: KafkaClient): LaneNotes {
  return {
    find: (lane, { all, signal }) => findNote(client, lane, all, signal),
    record: (lane, { topicId, offset }) => ({
      ...place,
      key: transactionalId(lane.groupId, lane),
      value: JSON.stringify({ topic_id: topicId, offset }),
      headers: [],
    }),
  };
}

/** Up to the high watermark for all notes; up to the last stable offset for those that can be read at once. */
async function findNote(
  client: KafkaClient,
  lane: LanePlace,
  all: boolean,
  signal: AbortSignal,
): Promise<LaneNote | undefined> {
  const cluster = client.cluster();
  const openReader = (partition: TopicPartition, from: number) =>
    openPartitionReader(client, partition, from);
  try {
    const isolationLevel = all ? 0 : 1;
    const { start, end } = await readLogRange(cluster, place, { isolationLevel, signal });
    const stretch = { ...place, from: start, to: end };
    const key = transactionalId(lane.groupId, lane);
    let found: LaneNote | undefined;
    for await (const records of readRange({ openReader }, stretch, signal)) {
      for (const record of records) {
        if (decoder.decode(record.key ?? undefined) === key) found = parseNote(record.value);
      }
    }
    return found;
  } finally {
    await cluster.disconnect();
  }
}

function parseNote(value: Uint8Array | null): LaneNote {
  const { topic_id: topicId, offset } = shape.parse(JSON.parse(decoder.decode(value ?? undefined)));
  return { topicId, offset };
}
