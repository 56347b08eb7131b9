/**
 * Opens the positions that projectors begin at. Those of many partitions are opened by one transaction: one each would
 * keep the process's connections busy for seconds when some hundred partitions begin at once.
 */
import { HaltError } from "../core/errors.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { Sql, Tx } from "../postgres/sql.ts";
import type { FoldTarget } from "./fold_target.ts";
import { rebuildAdvice, RebuildNeededError } from "./rebuild_needed.ts";
import { beginAnewInTransaction, sayBegunAnew } from "./replaced_topics.ts";

/** Where a projector begins. */
export interface OpenedPosition {
  /** The next offset to fold; 0 where nothing has been folded yet. */
  readonly nextOffset: number;
  /** What lay just below it when it was moved there; undefined where that is not known. */
  readonly mark: string | undefined;
}

/**
 * The position of one partition.
 *
 * @param topicId the topic's identity in the cluster (KIP-516), where it is known: a topic that was deleted and made
 * again has the same name and other records. A `replaceable` one is begun anew
 * @throws {RebuildNeededError} when the tables are of another version, or the topic is another one
 */
export type OpenPosition = (
  partition: TopicPartition,
  topicId?: string,
) => Promise<OpenedPosition>;

interface Asked extends TopicPartition {
  readonly topicId: string | undefined;
  readonly opened: PromiseWithResolvers<OpenedPosition>;
}

/** So many partitions are opened by one transaction at the most. */
const partitionsMax = 1_000;

/** Opens positions of the target's tables: those that are asked for while others are being opened go together. */
export function positionOpener(sql: Sql, target: FoldTarget): OpenPosition {
  const waiting: Asked[] = [];
  let isOpening = false;
  const openAll = async () => {
    isOpening = true;
    // What is asked for in the same moment goes along.
    await Promise.resolve();
    while (waiting.length > 0) {
      const asked = waiting.splice(0, partitionsMax);
      await openTogether(sql, target, asked).catch((error) => {
        for (const { opened } of asked) opened.reject(error);
      });
    }
    isOpening = false;
  };
  return ({ topic, partition }, topicId) => {
    const opened = Promise.withResolvers<OpenedPosition>();
    waiting.push({ topic, partition, topicId, opened });
    if (!isOpening) void openAll();
    return opened.promise;
  };
}

async function openTogether(
  sql: Sql,
  target: FoldTarget,
  asked: readonly Asked[],
): Promise<void> {
  const { rows, begunAnew } = await sql.begin((tx) => openInTransaction(tx, target, asked));
  sayBegunAnew(target, begunAnew);
  const found = new Map(rows.map((row) => [formatPartition(row), row]));
  for (const one of asked) {
    const row = found.get(formatPartition(one));
    const trouble = row ? whyNot(target, one, row) : vanished(target, one);
    if (row && !trouble) {
      one.opened.resolve({ nextOffset: row.nextOffset, mark: row.mark ?? undefined });
    } else one.opened.reject(trouble);
  }
}

interface PositionRow extends TopicPartition {
  readonly nextOffset: number;
  readonly version: number;
  readonly topicId: string | null;
  readonly mark: string | null;
}

async function openInTransaction(
  tx: Tx,
  target: FoldTarget,
  asked: readonly Asked[],
) {
  const { label, projection: { version } } = target;
  await holdVersionInTransaction(tx, target);
  const json = JSON.stringify(asked.map(({ topic, partition, topicId }) => ({
    ...{ topic, partition, topic_id: topicId ?? null },
  })));
  const listed = tx`
    json_to_recordset(${json}::text::json) as listed (topic text, partition int, topic_id text)
  `;
  // In one order, so that two processes that take partitions at the same time wait for each other.
  await tx`
    insert into projection_positions (projection, topic, partition, next_offset, version, topic_id)
    select ${label}::text, topic, partition, 0, ${version}::int, topic_id
    from ${listed} order by topic, partition
    on conflict do nothing
  `;
  // One that is being folded by somebody else is told the next time.
  await tx`
    update projection_positions as position set topic_id = free.topic_id
    from (
      select listed.* from ${listed} join projection_positions using (topic, partition)
      where projection = ${label} and projection_positions.topic_id is null
        and listed.topic_id is not null
      order by topic, partition for update of projection_positions skip locked
    ) as free
    where position.projection = ${label} and position.topic = free.topic
      and position.partition = free.partition
  `;
  const begunAnew = await beginAnewInTransaction(tx, target, listed);
  const rows = await tx<PositionRow[]>`
    select topic, partition, next_offset as "nextOffset", version,
      projection_positions.topic_id as "topicId", log_mark as mark
    from ${listed} join projection_positions using (topic, partition)
    where projection = ${label}
  `;
  return { rows, begunAnew };
}

/** Why it cannot be folded from there. */
function whyNot(target: FoldTarget, asked: Asked, row: PositionRow): Error | undefined {
  const { topicId } = asked;
  if (row.version !== target.projection.version) return versionError(target, row.version);
  if (topicId === undefined || row.topicId === null || row.topicId === topicId) return undefined;
  // In the same words for each of its partitions: one line of the log, and one sentence of readiness.
  return new RebuildNeededError(
    `Cannot project ${asked.topic} into ${target.label}: the topic was deleted and recreated ` +
      `(it was ${row.topicId}, it is ${topicId}), so no position in it means anything; ` +
      rebuildAdvice,
    formatPartition(asked),
  );
}

function vanished(target: FoldTarget, partition: TopicPartition): Error {
  return new Error(
    `The position of ${formatPartition(partition)} in ${target.label} has just vanished`,
  );
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
        ? "run `deno task projection rebuild` to bring the tables up to it"
        : "a newer program has rebuilt it, so update this one (or go back with this program's `deno task projection rebuild`)"),
    "version",
  );
}
