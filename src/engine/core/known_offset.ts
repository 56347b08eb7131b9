/** Holds a committed offset against the highest one that is known to have been committed. */
import type { Clock } from "./clock.ts";
import { HaltError } from "./errors.ts";
import { decideWhereToGoOn } from "./offset_advice.ts";
import type { CommittedOffset, LanePlace } from "./ports.ts";
import { formatPartition } from "./record.ts";
import { settledOffset } from "./settled_offset.ts";

/**
 * The committed offset, of which `answer` is what `read` said first. One below `known`, which is certainly committed, is
 * asked for until it has settled.
 *
 * @throws {HaltError} when it stays below that: nobody but Kafka can have lost it. That there is none is the caller's to judge
 */
export async function offsetNotBelow(
  known: number,
  { groupId, topic, partition }: LanePlace,
  answer: CommittedOffset,
  read: () => Promise<CommittedOffset>,
  signal: AbortSignal,
  clock?: Clock,
): Promise<CommittedOffset> {
  const committed = answer.offset < known ? await settledOffset(read, signal, { clock }) : answer;
  const { offset } = committed;
  if (offset < 0 || offset >= known) return committed;
  throw new HaltError(
    `Cannot go on with ${formatPartition({ topic, partition })}: group ${groupId} had committed ` +
      `offset ${known} and now stands at ${offset}: somebody has set it back, or Kafka has lost what ` +
      `it had acknowledged. Where a broker has just come back from a crash, shut it down cleanly and start ` +
      `it again: it may have loaded its offsets wrongly (src/engine/core/settled_offset.ts). ` +
      decideWhereToGoOn({ groupId, topic, partition }),
  );
}
