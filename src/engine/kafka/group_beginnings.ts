/** Notes of where the partitions of a topic stood when a group began with it, beside the checkpoints of its lanes. */
import { z } from "../packages/zod.ts";
import { onlyPartition } from "../core/only_partition.ts";
import type { InputRecord, OutputRecord } from "../core/record.ts";
import { named } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { CheckpointReader } from "./checkpoint_reader.ts";

/** A group and a topic that it reads. */
interface Place {
  readonly groupId: string;
  readonly topic: string;
}

/** What is noted of a group's beginning with a topic. */
export interface GroupBeginning {
  /** The identity of the topic (KIP-516); empty where the broker did not tell. */
  readonly topicId: string;
  /** By partition; -1 where nobody led it. Absent where lanes have worked there and nobody has noted where they began. */
  readonly starts?: readonly number[];
}

/** Reads and words these notes. Disposing ends a reading that is under way. */
export interface GroupBeginnings extends Disposable {
  /** What is noted, once no open transaction hides a note; undefined where the group is new to the topic. */
  find(place: Place, signal: AbortSignal): Promise<GroupBeginning | undefined>;
  /** Its record, for the transaction of a lane. */
  record(place: Place, beginning: Required<GroupBeginning>): OutputRecord;
}

const decoder = new TextDecoder();
const shape = z.object({ topic_id: z.string(), starts: z.array(z.int()).optional() });

/** Those of one cluster. It reads nothing before it is asked. */
export function openGroupBeginnings(client: KafkaClient): GroupBeginnings {
  const topic = client.names.lanes;
  const place = onlyPartition(topic);
  const reader = new CheckpointReader(client, place, 0, parseEntry);
  return {
    find: ({ groupId, topic: input }, signal) =>
      named(
        "Cannot read where the group began",
        { topics: [topic], needs: ["Read"], user: client.user },
        async () =>
          await reader.find(`${groupId}/${input}/start`, signal) ??
            await reader.find(`${groupId}/${input}/lane`, signal),
      ),
    record: ({ groupId, topic: input }, { topicId, starts }) => ({
      ...place,
      key: `${groupId}/${input}/start`,
      // With an offset, as lanes of an earlier release read each entry.
      value: JSON.stringify({ topic_id: topicId, offset: starts.length, starts }),
      headers: [],
    }),
    [Symbol.dispose]: () => reader.stop(),
  };
}

/** That of a lane stands for all lanes of the group on its topic. */
function parseEntry({ key, value }: InputRecord): [string, GroupBeginning] {
  const { topic_id: topicId, starts } = shape.parse(
    JSON.parse(decoder.decode(value ?? undefined)),
  );
  return [decoder.decode(key ?? undefined).replace(/\d+$/, "lane"), { topicId, starts }];
}
