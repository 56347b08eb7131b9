/** Decides where a session starts reading, and halts where that cannot be known. */
import { HaltError } from "./errors.ts";
import type { Assignment, CommittedOffset } from "./ports.ts";
import { formatPartition } from "./record.ts";

/**
 * The committed offset, or the start of the log for a group that has none yet.
 *
 * @param known the last offset that this lane saw committed, or -1
 * @throws {HaltError} when the offset lies outside the log, or is gone although there was one
 */
export async function startOffset(
  { groupId, reader }: Assignment,
  committed: CommittedOffset,
  known: number,
): Promise<number> {
  const partition = formatPartition(reader);
  const range = await reader.range();
  const { offset } = committed;
  if (offset < 0) {
    if (known < 0) return range.start;
    throw new HaltError(
      `Cannot go on with ${partition}: group ${groupId} had committed offset ${known} and now has ` +
        `none (it expired, or the group was deleted). ${decide}`,
    );
  }
  if (offset < range.start) {
    throw new HaltError(
      `Cannot go on with ${partition}: group ${groupId} stands at offset ${offset}, but the log ` +
        `starts at ${range.start}; ${range.start - offset} records were deleted unread. ${decide}`,
    );
  }
  return offset;
}

const decide = `Decide with "deno task worker offsets" where to go on`;
