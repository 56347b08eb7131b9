/**
 * Topics that were deleted and made again, of those whose records stand for themselves: the new one is folded from its start,
 * and what was folded of the one before stays, which no rebuild could bring back. Decides nothing about other topics.
 */
import { getLogger } from "../packages/logtape.ts";
import type { TopicPartition } from "../core/record.ts";
import type { Fragment, Tx } from "../postgres/sql.ts";
import type { FoldTarget } from "./fold_target.ts";

const log = getLogger(["onceflow", "projection"]);
/** The identities that were told of. */
const said = new WeakMap<FoldTarget, Set<string>>();

/** A partition that is folded from its start again. */
export interface BegunAnew extends TopicPartition {
  /** Identities of the topic that was folded, */
  readonly before: string;
  /** and of the one that there is. */
  readonly now: string;
}

/**
 * Moves the positions in topics of another identity to their start, and notes how much no log holds any more.
 *
 * @param listed the partitions that are asked for, as rows `listed` of topic, partition and topic_id
 */
export async function beginAnewInTransaction(
  tx: Tx,
  { label, projection: { version, replaceable = [] } }: FoldTarget,
  listed: Fragment,
): Promise<readonly BegunAnew[]> {
  if (replaceable.length === 0) return [];
  return await tx<BegunAnew[]>`
    with other as (
      select position.topic, position.partition, position.topic_id as before, position.next_offset as folded,
        listed.topic_id as now
      from ${listed} join projection_positions position using (topic, partition)
      where position.projection = ${label} and position.version = ${version}
        and position.topic = any(${[...replaceable]}::text[])
        and position.topic_id <> listed.topic_id
      order by position.topic, position.partition for update of position
    )
    update projection_positions position
    set topic_id = other.now, next_offset = 0, log_mark = null, updated_at = now(),
      replaced_offsets = position.replaced_offsets + other.folded
    from other
    where position.projection = ${label} and position.topic = other.topic
      and position.partition = other.partition
    returning other.topic, other.partition, other.before, other.now
  `;
}

/** Once for each topic, after the commit: its partitions begin anew one after the other. */
export function sayBegunAnew(target: FoldTarget, begunAnew: readonly BegunAnew[]): void {
  const { label } = target;
  const known = said.get(target) ?? new Set();
  said.set(target, known);
  for (const { topic, before, now } of begunAnew) {
    if (known.has(now)) continue;
    known.add(now);
    log.warn(
      "{topic} was deleted and recreated ({before}, now {now}): {label} keeps what was folded of it, and goes on from the " +
        "start of the new one",
      { topic, before, now, label },
    );
  }
}
