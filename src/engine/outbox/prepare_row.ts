/** Makes the record of an outbox row, or says why the row cannot be published now. Sends and holds nothing. */
import { HaltError } from "../core/errors.ts";
import { encodedBytes, encodedBytesMax, type OutputRecord } from "../core/record.ts";
import type { HeldPartition, Obstacle } from "./holds.ts";
import type { OutboxRow } from "./outbox_row.ts";
import { isTopicName, noName, whyRefused } from "./refused_topics.ts";
import { steadyClock } from "./relay_clock.ts";
import type { RelayDeps, RelayOptions, RelayProgress } from "./relay_options.ts";
import { rowToRecord } from "./row_to_record.ts";

/** What is known of the topics, and how rows become records. */
interface RelayParts {
  readonly deps: RelayDeps;
  readonly options: RelayOptions;
  readonly progress: RelayProgress;
}

/** Adds the row's record to `records`, or answers why it cannot be published now. */
export function prepareRow(
  row: OutboxRow,
  relay: RelayParts,
  records: Map<OutboxRow, OutputRecord>,
): Obstacle | undefined {
  const { deps } = relay;
  const closed = whyClosed(row.topic, relay);
  if (closed) return closed;
  // Known, since the topic is not closed.
  const count = deps.partitionCount(row.topic) ?? 1;
  let record: OutputRecord;
  try {
    record = rowToRecord(row, count, relay.options.eventSource);
  } catch (error) {
    if (error instanceof HaltError) return { wholeTopic: false, reason: error.message };
    throw error;
  }
  const waits = whyNoLeader(row.topic, { partition: record.partition, count }, deps);
  if (waits) return waits;
  const bytesMax = deps.recordBytesMax?.(row.topic) ?? Infinity;
  if (encodedBytesMax(record) > bytesMax && encodedBytes(record) > bytesMax) {
    return { wholeTopic: false, reason: tooLarge(row, encodedBytes(record), bytesMax) };
  }
  records.set(row, record);
}

/** Why nothing of this topic can be published now. */
export function whyClosed(
  topic: string,
  { deps: { partitionCount, clock = steadyClock }, progress: { refused } }: RelayParts,
): Obstacle | undefined {
  if (partitionCount(topic) !== undefined) return whyRefused(topic, refused, clock.now());
  if (!isTopicName(topic)) return { wholeTopic: true, reason: noName(topic) };
  return {
    wholeTopic: true,
    reason:
      `there is no topic "${topic}" that this user may see, and the outbox has rows for it: ` +
      `create it (or allow DESCRIBE and WRITE on it), and they are published by themselves; rows of ` +
      `other topics go on`,
  };
}

/** Why nothing of this partition can be published now. */
export function whyNoLeader(
  topic: string,
  place: HeldPartition | undefined,
  { hasLeader }: RelayDeps,
): Obstacle | undefined {
  if (!place || (hasLeader?.(topic, place.partition) ?? true)) return undefined;
  return {
    wholeTopic: false,
    partition: place,
    reason:
      `${topic}-${place.partition} has no leader, and the outbox has rows for it: is a broker of the ` +
      `cluster down? They are published by themselves when it has one; rows of other partitions go on`,
  };
}

function tooLarge(
  { topic, key, eventId, shard, position }: OutboxRow,
  bytes: number,
  bytesMax: number,
): string {
  return `event ${eventId} (outbox shard ${shard}, position ${position}) takes ${bytes} bytes, and topic ` +
    `"${topic}" takes ${bytesMax} at most: raise its max.message.bytes (and segment.bytes, if that is ` +
    `smaller), and it is published by itself; only what follows of its key ${
      JSON.stringify(key)
    } waits`;
}
