/** Keeps the checkpoints of lanes in the compacted topic `<namespace>.lanes`. */
import { z } from "../packages/zod.ts";
import { transactionalId } from "../core/delivery.ts";
import type { Health } from "../core/health.ts";
import type { LaneCheckpoint, LaneCheckpoints } from "../core/lane_checkpoints.ts";
import type { Names } from "../core/names.ts";
import { onlyPartition } from "../core/only_partition.ts";
import type { LanePlace } from "../core/ports.ts";
import type { InputRecord, OutputRecord } from "../core/record.ts";
import { named } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { CheckpointReader } from "./checkpoint_reader.ts";
import { CheckpointWriter } from "./checkpoint_writer.ts";
import { TopicKeeper } from "./topic_keeper.ts";
import { compactedTopicConfig } from "./topic_config.ts";
import type { TopicSpec } from "./topic_spec.ts";

const decoder = new TextDecoder();
const shape = z.object({ topic_id: z.string(), offset: z.int() });

/** The topic, to be made before a lane starts; small, since each process reads all of it. Not to be deleted. */
export function laneCheckpointsTopic({ lanes }: Names, replicationFactor: number): TopicSpec {
  return {
    topic: lanes,
    partitions: 1,
    replicationFactor,
    uses: ["state"],
    needs: ["Read", "Write"],
    config: {
      ...compactedTopicConfig,
      // So that each answer tells the broker's time; see RecordClock.
      "message.timestamp.type": "LogAppendTime",
    },
  };
}

/** Reads, words and writes the checkpoints of one cluster. Disposing writes what is not written yet. */
export function openLaneCheckpoints(
  client: KafkaClient,
  health?: Health,
  replicationFactor = -1,
): LaneCheckpoints & AsyncDisposable {
  const topic = client.names.lanes;
  const place = onlyPartition(topic);
  // Apart, since a reading of all of them can have to wait for somebody's open transaction.
  const stable = new CheckpointReader(client, place, 1, parseEntry);
  const all = new CheckpointReader(client, place, 0, parseEntry);
  const writer = new CheckpointWriter(client, health);
  const keeper = new TopicKeeper(
    client,
    laneCheckpointsTopic(client.names, replicationFactor),
    () => {
      for (const reader of [stable, all]) reader.again();
      writer.again();
    },
  );
  const record = (lane: LanePlace, checkpoint: LaneCheckpoint): OutputRecord => ({
    ...place,
    key: keyOf(lane),
    value: JSON.stringify({ topic_id: checkpoint.topicId, offset: checkpoint.offset }),
    headers: [],
  });
  return {
    find: (lane, options) =>
      named(
        "Cannot read the lanes' checkpoints",
        { topics: [topic], needs: ["Read"], user: client.user },
        () => (options.all ? all : stable).find(keyOf(lane), options.signal),
      ),
    record,
    keep(lane, checkpoint) {
      writer.keep(keyOf(lane), record(lane, checkpoint));
      keeper.start();
    },
    committed: (lane, checkpoint) => writer.add(keyOf(lane), record(lane, checkpoint)),
    async [Symbol.asyncDispose]() {
      await Promise.all([keeper[Symbol.asyncDispose](), writer[Symbol.asyncDispose]()]);
      stable.stop();
      all.stop();
    },
  };
}

function keyOf(lane: LanePlace): string {
  return transactionalId(lane.groupId, lane);
}

function parseEntry({ key, value }: InputRecord): [string, LaneCheckpoint] {
  const { topic_id: topicId, offset } = shape.parse(JSON.parse(decoder.decode(value ?? undefined)));
  return [decoder.decode(key ?? undefined), { topicId, offset }];
}
