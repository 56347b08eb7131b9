/** Makes records of what a transform emits: finds their partitions, and refuses what the broker would refuse. Pure. */
import type { DeadLetterReason } from "./dead_letter.ts";
import type { Emission } from "./emission.ts";
import { HaltError } from "./errors.ts";
import type { Flow } from "./flow.ts";
import { partitionForKey } from "./partition_for_key.ts";
import type { PlanTarget } from "./plan_target.ts";
import {
  encodedBytes,
  encodedBytesMax,
  formatPartition,
  type InputRecord,
  type OutputRecord,
} from "./record.ts";

/** With what holds for all topics of the flow, found once a batch. */
export interface BoundedTarget extends PlanTarget {
  /** The names in the flow's `to`. */
  readonly outputs: ReadonlySet<string>;
  /** The limit that each of them takes: few records need a closer look. */
  readonly bytesMaxOfAll: number;
}

/** The target, with its limit. */
export function bounded<T>({ to }: Flow<T>, target: PlanTarget): BoundedTarget {
  const outputs = new Set(to.map(({ name }) => name));
  const limits = [...outputs].map((name) => bytesMaxOf(name, target));
  return { ...target, outputs, bytesMaxOfAll: Math.min(target.recordBytesMax, ...limits) };
}

/** The largest record for this topic: what it takes, and what we send. */
export function bytesMaxOf(topic: string, { recordBytesMax, topicBytesMax }: PlanTarget): number {
  return Math.min(recordBytesMax, topicBytesMax?.(topic) ?? Infinity);
}

/**
 * Appends what `record` emits to `outputs`. Answers with the reason where one of them cannot be written: the broker would
 * refuse it, and its whole batch with it.
 *
 * @throws {HaltError} when one goes to a topic that the flow does not name: no record is to blame for that, and as dead
 * letters all of them would leave the order that they have
 */
export function addOutputs<T>(
  flow: Flow<T>,
  record: InputRecord,
  emissions: readonly Emission[],
  target: BoundedTarget,
  outputs: OutputRecord[],
): DeadLetterReason | undefined {
  const { groupId } = flow;
  for (const { topic, key, value, headers, partition: named, timestamp } of emissions) {
    if (!target.outputs.has(topic)) throw notNamed(flow, record, topic);
    const count = target.partitionCount(topic);
    if (named !== undefined && named >= count) {
      const error =
        `the output for ${topic} names partition ${named}, and it has ${count} (from 0)`;
      return { errorClass: "NoSuchPartitionError", error, attempts: 1, groupId };
    }
    if (key === null && target.isCompacted?.(topic)) {
      const error = `the output for ${topic} has no key, and the topic is compacted: it takes none`;
      return { errorClass: "NoKeyError", error, attempts: 1, groupId };
    }
    const partition = named ??
      (key === null ? record.partition % count : partitionForKey(key, count));
    const output = { topic, partition, key, value, headers, timestamp };
    const outside = timestamp !== undefined && outOfTime(topic, timestamp, target);
    if (outside) {
      return { errorClass: "InvalidTimestampError", error: outside, attempts: 1, groupId };
    }
    const error = encodedBytesMax(output) > target.bytesMaxOfAll && overLimit(output, target);
    if (error) return { errorClass: "RecordTooLargeError", error, attempts: 1, groupId };
    outputs.push(output);
  }
}

function notNamed<T>({ name, to }: Flow<T>, record: InputRecord, topic: string): HaltError {
  const named = to.length > 0 ? to.map((contract) => contract.name).join(", ") : "no topic";
  const place = `${formatPartition(record)} at offset ${record.offset}`;
  return new HaltError(
    `Flow "${name}" cannot go on: what it makes of the record ${place} goes to ${topic}, and its "to" ` +
      `names ${named}. Name ${topic} in "to" and start the flow again: it goes on from what it has committed`,
  );
}

/** Why this output is not sent, where its time is one that its topic refuses. */
function outOfTime(topic: string, timestamp: number, target: PlanTarget): string | undefined {
  const range = target.timestamps?.(topic);
  if (!range || (timestamp >= range.msMin && timestamp <= range.msMax)) return undefined;
  const setting = timestamp < range.msMin ? "before" : "after";
  return `the output for ${topic} is of ${timestamp} ms since 1970, which the topic's ` +
    `message.timestamp.${setting}.max.ms does not take`;
}

/** Why this output is not sent, where it is over a limit. */
function overLimit(output: OutputRecord, target: PlanTarget): string | undefined {
  const bytes = encodedBytes(output);
  const limit = bytesMaxOf(output.topic, target);
  if (bytes <= limit) return undefined;
  const setting = limit < target.recordBytesMax
    ? `the topic's max.message.bytes`
    : "REQUEST_BYTES_MAX";
  return `the output for ${output.topic} has ${bytes} bytes, over the limit of ${limit} (${setting})`;
}
