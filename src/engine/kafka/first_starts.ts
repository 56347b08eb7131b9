/** Finds where a group begins that has committed nothing: what was noted when it began, or where its topic stands now. */
import {
  type ChosenStart,
  type FirstStart,
  haltAtStart,
  type StartFrom,
} from "../core/first_start.ts";
import type { Assignment } from "../core/ports.ts";
import { formatPartition, type OutputRecord } from "../core/record.ts";
import { describeTopics } from "./describe_topics.ts";
import type { GroupBeginnings } from "./group_beginnings.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { permitted } from "./missing_permission.ts";
import { readOffsetsAt, readPartitionEnds } from "./partition_ends.ts";

/** Where the partitions of a topic stood, and what must be written to keep it. */
interface Beginning {
  /** By partition; -1 where nobody led it. */
  readonly starts: readonly number[];
  readonly records: readonly OutputRecord[];
}

/**
 * The choice for a flow that begins there; undefined for the earliest record, which needs none. What it finds of a topic it
 * keeps, so that lanes that begin one after the other, or again after a failure, begin where the topic stood at first.
 */
export function chooseStart(
  client: KafkaClient,
  from: StartFrom,
  beginnings: GroupBeginnings,
): FirstStart["choose"] {
  if (from === "earliest") return undefined;
  if (from === "halt") return (assignment) => Promise.resolve(haltAtStart(assignment));
  const standing = (topic: string) => startsNow(client, topic, from);
  const known = new Map<string, Promise<Beginning>>();

  async function find(
    { groupId, reader: { topic }, signal }: Assignment,
    topicId: string,
  ): Promise<Beginning> {
    const noted = await beginnings.find({ groupId, topic }, signal);
    // Lanes that have begun without a note began at the earliest record, as new partitions do.
    if (noted?.topicId === topicId) return { starts: noted.starts ?? [], records: [] };
    const starts = await standing(topic);
    return { starts, records: [beginnings.record({ groupId, topic }, { topicId, starts })] };
  }

  return async (assignment, topicId = ""): Promise<ChosenStart> => {
    const { reader } = assignment;
    const key = `${reader.topic} ${topicId}`;
    const finding = known.get(key) ?? find(assignment, topicId);
    known.set(key, finding);
    finding.catch(() => known.delete(key));
    const { starts, records } = await finding;
    const range = await reader.range();
    let offset = starts[reader.partition] ?? range.start;
    if (offset < 0) offset = (await standing(reader.topic))[reader.partition] ?? -1;
    if (offset >= 0) return { offset: Math.max(offset, range.start), records };
    throw new Error(`Cannot find where to begin with ${formatPartition(reader)}: nobody leads it`);
  };
}

/** By partition; -1 where nobody leads it. */
async function startsNow(
  client: KafkaClient,
  topic: string,
  from: "latest" | { readonly timestamp: Date },
): Promise<readonly number[]> {
  const cluster = client.cluster();
  try {
    const request = { topics: [topic], needs: ["Read"], user: client.user };
    return await permitted(request, async () => {
      const [described] = await describeTopics(cluster, [topic]);
      const places = Array.from(
        { length: described?.partitions ?? 0 },
        (_, partition) => ({ topic, partition }),
      );
      // The ends first: what comes between the two questions is behind them, and is not passed over.
      const ends = await readPartitionEnds(cluster, places);
      const starts = places.map(({ partition }) =>
        ends.find((end) => end.partition === partition)?.lastStableOffset ?? -1
      );
      if (from === "latest") return starts;
      const found = await readOffsetsAt(cluster, places, from.timestamp.getTime());
      return places.map((place, index) => {
        const offset = found.get(formatPartition(place)) ?? -1;
        return offset < 0 ? starts[index] ?? -1 : offset;
      });
    });
  } finally {
    await cluster.disconnect();
  }
}
