/**
 * Where a lane begins on which nobody of its group has committed anything yet, and how it takes over what another consumer
 * has committed. Elsewhere the committed offset counts, by the rules of `start_offset.ts`.
 *
 * A start that is not the beginning of the log is a decision, and a decision that is made anew after a crash would pass over
 * whatever came in between. So the lane commits it, in a transaction of its own, before it reads a record: until that has
 * committed nothing was processed, and from then on the group has an offset like any other, with a checkpoint. Two members cannot
 * both decide: only the partition's owner commits, and who comes after it reads the stable offset. One who was frozen before
 * its commit is refused by the group.
 *
 * The same holds of a partition that is added later (KIP-842 tells of the loss): under "latest" the records that came before
 * somebody noticed it would be passed over. So the first lane of a group writes in its transaction where all partitions of
 * the topic stood then. A partition that is not among them is new, and read from its beginning; one that is, and whose lane
 * has not come to commit, begins where it stood then, however late.
 */
import { getLogger } from "../packages/logtape.ts";
import type { DeliverySession } from "./delivery.ts";
import { HaltError } from "./errors.ts";
import { decideWhereToGoOn } from "./offset_advice.ts";
import { formatOrigin, parseOrigin } from "./offset_metadata.ts";
import type { Assignment } from "./ports.ts";
import { formatPartition, type OutputRecord } from "./record.ts";
import { startOffset } from "./start_offset.ts";

/**
 * Where a group begins that has committed nothing:
 * - `earliest`: at the first record that is there;
 * - `latest`: behind the last committed record there is now;
 * - a time: at the first record of that time or later, or as `latest` where there is none;
 * - `halt`: nowhere, until a person has decided (`worker offsets set`).
 */
export type StartFrom = "earliest" | "latest" | "halt" | { readonly timestamp: Date };

/** A start that was chosen, and what must be written with its commit. */
export interface ChosenStart {
  readonly offset: number;
  readonly records: readonly OutputRecord[];
}

/** What is to be done where the group has committed nothing, or somebody else has. */
export interface FirstStart {
  /** Chooses the start; the earliest record where absent. The same answer for as long as nothing is committed. */
  readonly choose?: (assignment: Assignment, topicId: string | undefined) => Promise<ChosenStart>;
  /** Takes the offset of another consumer for the group's own, once. */
  readonly takeOver?: boolean;
}

/** Where a session starts. */
export interface LaneStart {
  readonly offset: number;
  /** Set where it must be committed, with these records, before anything is read. */
  readonly first?: readonly OutputRecord[];
}

type Session = Pick<DeliverySession, "start" | "topicId" | "checkpoint">;

const log = getLogger(["onceflow", "core", "lane"]);

/**
 * Where this session starts: at the committed offset, or as `first` says. `known` is the last offset that this lane saw
 * committed by its own group, or -1.
 *
 * @throws {HaltError} where that cannot be known, or a person is to decide
 */
export async function laneStart(
  assignment: Assignment,
  session: Session,
  known: number,
  first: FirstStart = {},
): Promise<LaneStart> {
  const { start, topicId, checkpoint } = session;
  const isNew = known < 0 && checkpoint === undefined;
  const partition = formatPartition(assignment.reader);
  const { groupId } = assignment;
  if (isNew && start.offset < 0 && first.choose) {
    const { offset, records } = await first.choose(assignment, topicId);
    log.info(
      "{partition}: group {groupId} has committed nothing there and begins at offset {offset}",
      {
        ...{ partition, groupId, offset },
      },
    );
    return { offset, first: records };
  }
  if (isNew && first.takeOver && isForeign(session)) {
    const asOwn = { ...start, metadata: formatOrigin({ topicId }) };
    const offset = await startOffset(assignment, { ...session, start: asOwn }, known);
    log.warn(
      "{partition}: group {groupId} takes over at offset {offset}, which another consumer or a tool has committed. From " +
        "here on an offset that somebody else has moved halts the lane",
      { partition, groupId, offset },
    );
    return { offset, first: [] };
  }
  return { offset: await startOffset(assignment, session, known) };
}

/** The offset was committed, and by nobody of onceflow. Where topics have no identity this cannot be told. */
function isForeign({ start, topicId }: Session): boolean {
  return start.offset >= 0 && topicId !== undefined &&
    parseOrigin(start.metadata).topicId === undefined;
}

/** Of a flow that is not to begin by itself. */
export function haltAtStart({ groupId, reader: { topic, partition } }: Assignment): never {
  throw new HaltError(
    `Cannot begin with ${formatPartition({ topic, partition })}: group ${groupId} has committed ` +
      `nothing there, and the flow says startFrom: "halt". ${
        decideWhereToGoOn({ groupId, topic, partition })
      }`,
  );
}
