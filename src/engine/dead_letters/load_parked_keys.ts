/** Reads the parked keys of a lane, or of all lanes, from the compacted topic. Writes nothing. */
import { onlyPartition } from "../core/only_partition.ts";
import type { LanePlace } from "../core/ports.ts";
import { formatPartition, type InputRecord } from "../core/record.ts";
import { HaltError } from "../core/errors.ts";
import { type ParkedKey, type ParkedQueue, readParkedEntry } from "./parked_entry.ts";
import { keyName } from "../core/key_table.ts";
import { parkedKeys } from "./parked_keys.ts";
import type { ParkedKeys } from "../core/parking.ts";
import { readRange } from "../core/read_range.ts";
import type { RecordLog } from "./record_log.ts";
import type { StateReading } from "./redrive_state.ts";

/**
 * The parked keys of one lane, up to the high watermark.
 *
 * @throws {HaltError} where the topic that holds them is not there, and where records of theirs lie in other dead letters
 * than those that the flow writes to: an unpark sends a queue from one topic
 */
export async function loadParkedKeys(
  log: RecordLog,
  lane: LanePlace,
  deadLetters: string,
  signal?: AbortSignal,
): Promise<ParkedKeys> {
  if (await log.partitionCount(log.names.parked) === undefined) {
    throw new HaltError(
      `Cannot work on ${
        formatPartition(lane)
      }: topic ${log.names.parked}, which says which keys are ` +
        `parked, does not exist. Start the worker again: it makes the topic, and each partition ` +
        `that had parked keys says what to do`,
    );
  }
  const topicId = await log.topicId?.(log.names.parked);
  const { groupId, topic, partition } = lane;
  const queues = new Map<string, ParkedQueue>();
  for await (const record of parkedRecords(log, true, signal)) {
    const entry = readParkedEntry(record);
    if (!isLane(entry, lane)) continue;
    if (entry.queue) queues.set(keyName(entry.key), entry.queue);
    else queues.delete(keyName(entry.key));
  }
  checkDeadLetters(lane, queues.values(), deadLetters);
  const place = { groupId, topic, partition, deadLetters, names: log.names };
  return parkedKeys(place, queues, undefined, topicId);
}

function checkDeadLetters(
  lane: LanePlace,
  queues: Iterable<ParkedQueue>,
  deadLetters: string,
): void {
  for (const { deadLetters: held } of queues) {
    if (held === deadLetters) continue;
    throw new HaltError(
      `Cannot work on ${
        formatPartition(lane)
      }: keys of it are parked in ${held}, and what follows ` +
        `would go to ${deadLetters}, from where their order could not be restored. Name ` +
        `deadLetters: "${held}" in the flow; once "deno task dlq parked --dlq ${held}" lists none of this ` +
        `group (${lane.groupId}), it may write elsewhere`,
    );
  }
}

/**
 * The parked keys of all lanes, as they are visible now or, with `toHighWatermark`, once the transactions that are open
 * now have ended.
 */
export async function listParkedKeys(
  log: RecordLog,
  { toHighWatermark = false, signal }: StateReading = {},
): Promise<readonly ParkedKey[]> {
  if (await log.partitionCount(log.names.parked) === undefined) return [];
  const found = new Map<string, ParkedKey>();
  for await (const record of parkedRecords(log, toHighWatermark, signal)) {
    const { queue, ...entry } = readParkedEntry(record);
    const name = keyName(record.key ?? new Uint8Array());
    if (queue) found.set(name, { ...entry, ...queue });
    else found.delete(name);
  }
  return [...found.values()];
}

async function* parkedRecords(
  log: RecordLog,
  toHighWatermark: boolean,
  signal?: AbortSignal,
): AsyncGenerator<InputRecord> {
  const place = onlyPartition(log.names.parked);
  const { start, end } = await log.range(place);
  const to = toHighWatermark ? await log.highWatermark(place) : end;
  for await (const records of readRange(log, { ...place, from: start, to }, signal)) {
    yield* records;
  }
}

function isLane(a: LanePlace, b: LanePlace): boolean {
  return a.groupId === b.groupId && a.topic === b.topic && a.partition === b.partition;
}
