/** Why a transaction that holds readers or an offset back is still open, as whoever can ask the cluster says. Asks nothing. */
import type { Spill } from "./spill.ts";

/** A transaction that a partition holds open, and what became of it. */
export interface Hindrance {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: bigint;
  /** Absent where no coordinator knows the producer id any more. */
  readonly transactionalId?: string;
  /** A sentence: whom it waits for, and what helps. */
  readonly reason: string;
}

/** Looks at these topics and at the committed offsets. */
export type FindHindrances = (topics: readonly string[]) => Promise<readonly Hindrance[]>;

/** Asks only where something is open or held back; what cannot be asked leaves the finding without its cause. */
export async function noteHindrances(
  spill: Spill,
  topics: readonly string[],
  find: FindHindrances | undefined,
): Promise<void> {
  const held = spill.count("select count(*) from held_offset") +
    spill.count("select count(*) from log_end where stable < high");
  if (held === 0 || !find) return;
  const insert = spill.inserter("insert into hindrance values (?, ?, ?, ?, ?)");
  for (const { topic, partition, producerId, transactionalId, reason } of await find(topics)) {
    insert(topic, partition, Number(producerId), transactionalId ?? null, reason);
  }
}

/** What this producer's transaction waits for, which holds the partition's readers back. */
export function hindranceAt(
  spill: Spill,
  topic: string,
  partition: number,
  producerId: number,
): string | undefined {
  const [row] = spill.rows(
    "select reason from hindrance where topic = ? and partition = ? and producer_id = ?",
    ...[topic, partition, producerId],
  );
  return row === undefined ? undefined : String(row.reason);
}

/**
 * The reason of the transaction that holds an offset `o` of `group_id`, `topic` and `partition` back: first one that has
 * pending offsets, then that of the id which names all three. A worker commits the offsets of all its lanes under the id of
 * one of them, so any id of the group may be it.
 */
export const reasonOfOffset = `(select h.reason from hindrance h
  where substr(h.transactional_id, 1, length(o.group_id) + 1) = o.group_id || '/'
  order by h.topic = '__consumer_offsets' desc,
    h.transactional_id = o.group_id || '/' || o.topic || '/' || o.partition desc
  limit 1)`;

/** What holds a group's offset on this partition back. */
export function hindranceOfOffset(
  spill: Spill,
  groupId: string,
  topic: string,
  partition: number,
): string | undefined {
  const [held] = spill.rows(
    `select ${reasonOfOffset} as reason from held_offset o where group_id = ? and topic = ? and partition = ?`,
    ...[groupId, topic, partition],
  );
  if (held === undefined) return undefined;
  return held.reason === null
    ? `an offset of ${groupId} on ${topic}-${partition} waits for a transaction that is open`
    : String(held.reason);
}
