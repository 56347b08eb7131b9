/** Whether each lane of a group could go on from where the group stands: the rules of its start, without starting it. */
import { HaltError } from "../../engine/core/errors.ts";
import { startOffset } from "../../engine/core/start_offset.ts";
import type { GroupStanding, PartitionStanding } from "../../engine/kafka/group_standing.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { type KafkaLogSource, openLogSource } from "../../engine/kafka/log_source.ts";
import { outOfRangeError } from "../../engine/kafka/read_halts.ts";

/**
 * In the words of the halts. An offset that is gone is not among them: whether the lane had one is in its notes, which
 * the worker reads.
 */
export async function laneHalts(client: KafkaClient, group: GroupStanding): Promise<string[]> {
  await using source = openLogSource(client);
  const halts: string[] = [];
  for (const place of group.partitions) {
    const halt = await haltAt(source, group.groupId, place);
    if (halt !== undefined) halts.push(halt);
  }
  return halts;
}

/** Offsets from where the group stands to the stable end, over all partitions. */
export function lagOf({ partitions }: GroupStanding): number {
  return partitions.reduce((sum, { lag = 0 }) => sum + Math.max(0, lag), 0);
}

async function haltAt(
  source: KafkaLogSource,
  groupId: string,
  { topic, partition, committed, metadata, log }: PartitionStanding,
): Promise<string | undefined> {
  if (committed < 0 || !log) return undefined;
  const place = { topic, partition };
  if (committed > log.highWatermark) return outOfRangeError(place, committed).message;
  const reader = {
    ...place,
    range: () => Promise.resolve({ start: log.start, end: log.stableEnd }),
    divergence: (mark: string) => source.divergence(place, mark),
  };
  const topicId = await source.topicId(topic);
  const start = { offset: committed, metadata };
  try {
    await startOffset({ groupId, reader }, { start, topicId }, -1);
  } catch (error) {
    if (!(error instanceof HaltError)) throw error;
    return error.message;
  }
}
