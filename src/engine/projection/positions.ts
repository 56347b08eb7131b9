/** How far each partition has been folded, as Postgres knows it. The position moves only in the rows' own transaction. */
import type { TopicPartition } from "../core/record.ts";
import type { Queryable, Tx } from "../postgres/sql.ts";
import type { FoldTarget } from "./fold_target.ts";

/** A partition whose records are folded. */
export interface FoldedPartition extends TopicPartition {
  /** The identity of the topic that they were read from (KIP-516), where it is known. */
  readonly ofTopic?: string | undefined;
}

/**
 * Moves the position in the caller's transaction, first thing, so that its row lock is what orders the projectors of
 * one partition. False when it was not at `from`: somebody else has folded these records, or a rebuild was swapped in. And
 * where it is of another topic of that name: what was read of the one before must not pass for the new one's.
 *
 * Under `dedupe: "event_id"` the same records may be folded again, so any position at or beyond `from` will do; it
 * never moves back.
 */
export async function movePositionInTransaction(
  tx: Tx,
  target: FoldTarget,
  partition: FoldedPartition,
  { from, to, mark = null }: {
    readonly from: number;
    readonly to: number;
    readonly mark?: string | null;
  },
): Promise<boolean> {
  const { ofTopic = null } = partition;
  const moved = target.dedupe === "position"
    ? await tx`
      update projection_positions
      set next_offset = ${to}, log_mark = ${mark}, updated_at = now()
      where projection = ${target.label} and topic = ${partition.topic}
        and partition = ${partition.partition} and version = ${target.projection.version}
        and next_offset = ${from} and (topic_id = ${ofTopic}::text) is not false
    `
    : await tx`
      update projection_positions set next_offset = greatest(next_offset, ${to}), updated_at = now(),
        log_mark = case when next_offset > ${to} then log_mark else ${mark} end
      where projection = ${target.label} and topic = ${partition.topic}
        and partition = ${partition.partition} and version = ${target.projection.version}
        and next_offset >= ${from} and (topic_id = ${ofTopic}::text) is not false
    `;
  return moved.count === 1;
}

/** The position as it stands; undefined where there is none. */
export async function findPosition(
  sql: Queryable,
  target: FoldTarget,
  partition: TopicPartition,
): Promise<number | undefined> {
  const [row] = await sql`
    select next_offset from projection_positions
    where projection = ${target.label} and topic = ${partition.topic}
      and partition = ${partition.partition}
  `;
  return row === undefined ? undefined : Number(row.next_offset);
}
