/** How far each partition has been folded, as Postgres knows it. The position moves only in the rows' own transaction. */
import { HaltError } from "../core/errors.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { Queryable, Sql, Tx } from "../postgres/sql.ts";
import type { FoldTarget } from "./fold_target.ts";
import { rebuildAdvice, RebuildNeededError } from "./rebuild_needed.ts";

/**
 * The next offset to fold into the target's tables; 0 where nothing has been folded yet.
 *
 * @param topicId the topic's identity in the cluster (KIP-516), where it is known: a topic that was deleted and made
 * again has the same name and other records
 * @throws {RebuildNeededError} when the tables are of another version, or the topic is another one
 */
export async function openPosition(
  sql: Sql,
  target: FoldTarget,
  partition: TopicPartition,
  topicId?: string,
): Promise<number> {
  return await sql.begin(async (tx) => {
    await holdVersionInTransaction(tx, target);
    await tx`
      insert into projection_positions (projection, topic, partition, next_offset, version, topic_id)
      values (${target.label}, ${partition.topic}, ${partition.partition}, 0,
        ${target.projection.version}, ${topicId ?? null})
      on conflict do nothing
    `;
    const [row] = await tx`
      select next_offset, version, topic_id from projection_positions
      where projection = ${target.label} and topic = ${partition.topic}
        and partition = ${partition.partition}
    `;
    if (row === undefined) throw new Error(`The position of ${target.label} has just vanished`);
    if (Number(row.version) !== target.projection.version) {
      throw versionError(target, Number(row.version));
    }
    if (topicId !== undefined && row.topic_id === null) {
      await tx`
        update projection_positions set topic_id = ${topicId}
        where projection = ${target.label} and topic = ${partition.topic}
          and partition = ${partition.partition} and topic_id is null
      `;
    } else if (topicId !== undefined && row.topic_id !== topicId) {
      throw new RebuildNeededError(
        `Cannot project ${
          formatPartition(partition)
        } into ${target.label}: the topic was deleted and made again ` +
          `(it was ${row.topic_id}, it is ${topicId}), so the position ${row.next_offset} means nothing; ` +
          rebuildAdvice,
        formatPartition(partition),
      );
    }
    return Number(row.next_offset);
  });
}

/**
 * Moves the position in the caller's transaction, first thing, so that its row lock is what orders the projectors of
 * one partition. False when it was not at `from`: somebody else has folded these records, or a rebuild was swapped in.
 *
 * Under `dedupe: "event_id"` the same records may be folded again, so any position at or beyond `from` will do; it
 * never moves back.
 */
export async function movePositionInTransaction(
  tx: Tx,
  target: FoldTarget,
  partition: TopicPartition,
  { from, to, mark = null }: {
    readonly from: number;
    readonly to: number;
    readonly mark?: string | null;
  },
): Promise<boolean> {
  const moved = target.dedupe === "position"
    ? await tx`
      update projection_positions
      set next_offset = ${to}, log_mark = ${mark}, updated_at = now()
      where projection = ${target.label} and topic = ${partition.topic}
        and partition = ${partition.partition} and version = ${target.projection.version}
        and next_offset = ${from}
    `
    : await tx`
      update projection_positions set next_offset = greatest(next_offset, ${to}), updated_at = now(),
        log_mark = case when next_offset > ${to} then log_mark else ${mark} end
      where projection = ${target.label} and topic = ${partition.topic}
        and partition = ${partition.partition} and version = ${target.projection.version}
        and next_offset >= ${from}
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

/** What lay just below the position when it was moved; undefined where that is not known. */
export async function findMark(
  sql: Queryable,
  target: FoldTarget,
  partition: TopicPartition,
): Promise<string | undefined> {
  const [row] = await sql`
    select log_mark from projection_positions
    where projection = ${target.label} and topic = ${partition.topic}
      and partition = ${partition.partition}
  `;
  return row?.log_mark === null || row === undefined ? undefined : String(row.log_mark);
}

/** Keeps a swap from changing the version until the caller's transaction ends. */
async function holdVersionInTransaction(tx: Tx, target: FoldTarget): Promise<void> {
  const { name, version } = target.projection;
  const [installed] = await tx`select version from projections where name = ${name} for share`;
  if (installed === undefined) {
    throw new HaltError(
      `Cannot project ${name}: its tables are not there; start any role of this program with this database once`,
    );
  }
  if (target.label === name && Number(installed.version) !== version) {
    throw versionError(target, Number(installed.version));
  }
}

function versionError(target: FoldTarget, found: number): RebuildNeededError {
  const { name, version } = target.projection;
  return new RebuildNeededError(
    `Cannot project ${name}: the database holds version ${found} and this program makes version ${version}; ` +
      (found < version
        ? "run `projection rebuild` to bring the tables up to it"
        : "a newer program has rebuilt it, so update this one (or go back with this program's `projection rebuild`)"),
    "version",
  );
}
