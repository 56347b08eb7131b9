/** Decides where a session starts reading, and halts where that cannot be known. */
import { getLogger } from "../packages/logtape.ts";
import { decideWhereToGoOn } from "./offset_advice.ts";
import { HaltError } from "./errors.ts";
import { parseOrigin } from "./offset_metadata.ts";
import type { DeliverySession } from "./delivery.ts";
import type { Assignment, CommittedOffset, PartitionReader } from "./ports.ts";
import { formatPartition } from "./record.ts";

const log = getLogger(["onceflow", "core", "lane"]);
/** Those whose log was said to have no beginning any more: its sessions before the first commit begin there, too. */
const told = new WeakSet<StartPlace>();

/** Whose start it is, and where the log is asked. */
export interface StartPlace {
  readonly groupId: string;
  readonly reader: Pick<PartitionReader, "topic" | "partition" | "range" | "divergence">;
}

/**
 * The committed offset, or the start of the log for a group that has never committed one: as every consumer does that
 * begins at the earliest offset, but with a warning where what was before that is deleted.
 *
 * @param known the last offset that this lane saw committed, or -1
 * @throws {HaltError} when the offset lies outside the log, is gone although there was one, was committed by somebody
 * else, is of another topic, or of another log
 */
export async function startOffset(
  assignment: StartPlace,
  { start: committed, topicId, checkpoint }: Pick<
    DeliverySession,
    "start" | "topicId" | "checkpoint"
  >,
  known: number,
): Promise<number> {
  const { groupId, reader } = assignment;
  const lane = { groupId, topic: reader.topic, partition: reader.partition };
  const partition = formatPartition(reader);
  const range = await reader.range();
  const { offset } = committed;
  const origin = parseOrigin(committed.metadata);
  const workedOn = checkpoint?.topicId || origin.topicId;
  if (workedOn !== undefined && topicId !== undefined && workedOn !== topicId) {
    throw new HaltError(
      `Cannot go on with ${partition}: group ${groupId} worked on another topic of this name ` +
        `(${workedOn}, now it is ${topicId}): it was deleted and recreated. ${
          decideWhereToGoOn(lane)
        }; likewise each of its partitions (with "--all-partitions --to earliest" in one go: all that the ` +
        `new topic holds)`,
    );
  }
  const noted = whereWeCame(groupId, Math.max(known, checkpoint?.offset ?? -1));
  if (offset < 0) {
    if (known < 0 && checkpoint === undefined) {
      if (range.start > 0 && !told.has(assignment)) tellTrimmed(assignment, range.start);
      return range.start;
    }
    const had = known < 0 ? "had committed an offset" : `had committed offset ${known}`;
    throw new HaltError(
      `Cannot go on with ${partition}: group ${groupId} ${had} and now has none (it expired while ` +
        `no worker ran, or the group was deleted). ${noted}${decideWhereToGoOn(lane)}`,
    );
  }
  if (topicId !== undefined && origin.topicId === undefined) {
    throw new HaltError(
      `Cannot go on with ${partition}: group ${groupId} stands at offset ${offset}, and no worker of ` +
        `onceflow has committed that (its metadata names no topic): another consumer uses this ` +
        `group.id, or a tool has moved the offset. Records below it may never have been processed. Where ` +
        `the flow is to go on for a consumer that has stopped for good, its takeOver: true does so once. ` +
        noted + decideWhereToGoOn(lane) + `; likewise each of its partitions`,
    );
  }
  if (offset < range.start) {
    throw new HaltError(
      `Cannot go on with ${partition}: group ${groupId} stands at offset ${offset}, but the log ` +
        `starts at ${range.start}; ${range.start - offset} records were deleted unread. ${
          decideWhereToGoOn(lane)
        }`,
    );
  }
  const divergence = origin.mark && await reader.divergence?.(origin.mark);
  if (divergence) {
    throw new HaltError(
      `Cannot go on with ${partition} from offset ${offset}: this is not the log that group ` +
        `${groupId} has read: ${divergence}. A broker's disk was replaced or emptied, or a replica ` +
        `without these records became the leader. ${decideWhereToGoOn(lane)}`,
    );
  }
  return offset;
}

/** What an operator needs for a decision: from there on nothing is passed over. */
function whereWeCame(groupId: string, offset: number): string {
  if (offset < 0) return "";
  return `By a note of its own ${groupId} had come to offset ${offset} here, or up to a second's ` +
    `records further where its worker was killed. `;
}

function tellTrimmed(assignment: StartPlace, start: number): void {
  told.add(assignment);
  log.warn(
    "{partition} begins at offset {start}: the {start} offsets before it are deleted (by the topic's retention or by " +
      "DeleteRecords), and {groupId}, which has committed nothing there yet, never processes what they held",
    { partition: formatPartition(assignment.reader), start, groupId: assignment.groupId },
  );
}

/**
 * Checks that the parked keys were loaded from the topic that the committed offset stands with; it names one for as long as
 * keys are parked.
 *
 * @throws {HaltError} when that was deleted and recreated
 */
export function checkParked(
  { groupId, reader: { topic, partition } }: Assignment,
  { offset, metadata }: CommittedOffset,
  parkedTopicId: string | undefined,
): void {
  const { state } = parseOrigin(metadata);
  if (state === undefined || parkedTopicId === undefined || state === parkedTopicId) return;
  throw new HaltError(
    `Cannot go on with ${formatPartition({ topic, partition })} from offset ${offset}: group ` +
      `${groupId} has parked keys of it, and the topic that says which was deleted and recreated. ` +
      `Later records of these keys would overtake those that wait among the dead letters. To go on ` +
      `all the same use this offset as OFFSET, then send the dead letters back with "deno task dlq ` +
      `redrive". ${decideWhereToGoOn({ groupId, topic, partition })}`,
  );
}
