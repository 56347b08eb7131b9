/** Writes rows of the outbox to Kafka, with the cursor past them, in one transaction. What cannot be written now is held. */
import { getLogger } from "../packages/logtape.ts";
import { TransactionError, type Transactor } from "../core/ports.ts";
import type { OutputRecord } from "../core/record.ts";
import type { OutboxRow } from "./outbox_row.ts";
import { type Hold, type Obstacle, releaseFrom, sortOut } from "./holds.ts";
import { prepareRow, whyClosed, whyNoLeader } from "./prepare_row.ts";
import { asRefusal } from "./refused_topics.ts";
import { steadyClock } from "./relay_clock.ts";
import type { Reached } from "./relay_cursor.ts";
import {
  relayCheck,
  type RelayDeps,
  type RelayObserver,
  type RelayOptions,
  type RelayProgress,
  sessionCause,
} from "./relay_options.ts";
import { recordNewTopics } from "./written_topics.ts";

/** What publishing needs. */
export interface Publishing {
  readonly deps: RelayDeps;
  readonly options: RelayOptions;
  readonly transactor: Transactor;
  readonly observer: RelayObserver;
  readonly progress: RelayProgress;
}

const log = getLogger(["onceflow", "outbox", "relay"]);

/**
 * Publishes rows that follow the cursor, in order of position, and moves the cursor past them. Answers how many rows the
 * cursor passed: fewer than were given where no more can be held back. `writtenBelow` is the xid of the barrier that they were
 * read under.
 */
export async function publish(
  publishing: Publishing,
  rows: readonly OutboxRow[],
  writtenBelow: string | undefined,
): Promise<number> {
  const { deps, progress } = publishing;
  await lookUpTopics(deps, rows);
  const held = progress.holds;
  const records = new Map<OutboxRow, OutputRecord>();
  const { published, holds, stoppedAt } = sortOut(
    rows,
    held,
    (row) => prepareRow(row, publishing, records),
  );
  const passed = stoppedAt ? rows.indexOf(stoppedAt) : rows.length;
  const last = rows[passed - 1];
  if (last) {
    await commit(publishing, published, records, { ...last, holds, writtenBelow });
    progress.after = last.position;
    progress.eventId = last.eventId;
    progress.isRowGone = false;
  }
  for (const hold of holds.slice(held.length)) {
    const row = rows.find(({ position }) => position === hold.after + 1);
    if (row) report(publishing, hold, prepareRow(row, publishing, records));
  }
  reportStopped(publishing, stoppedAt && prepareRow(stoppedAt, publishing, records));
  if (stoppedAt) await deps.lookUp?.([stoppedAt.topic], true);
  return passed;
}

/** Publishes what was held back and can be published by now; says what still stands in the way of the rest. */
export async function release(publishing: Publishing, signal: AbortSignal): Promise<void> {
  const { deps, options: { shard, batchRecordsMax: limit }, progress } = publishing;
  await deps.lookUp?.([...new Set(progress.holds.map(({ topic }) => topic))], true);
  for (let at = 0; at < progress.holds.length && !signal.aborted;) {
    const hold = progress.holds[at];
    if (!hold) break;
    const closed = whyClosed(hold.topic, publishing) ??
      whyNoLeader(hold.topic, hold.partition, deps);
    // One that is left is enough to wait for; where none is, somebody has taken them away.
    const range = { ...hold, upTo: progress.after, limit: closed ? 1 : limit };
    const rows = await deps.store.between(range);
    const records = new Map<OutboxRow, OutputRecord>();
    const standing = { holds: progress.holds, more: rows.length === range.limit };
    const prepare = (row: OutboxRow) => prepareRow(row, publishing, records);
    const waits = closed !== undefined && rows.length > 0;
    const released = waits ? undefined : releaseFrom(hold, rows, standing, prepare);
    if (!released) {
      report(publishing, hold, closed ?? (rows[0] && prepare(rows[0])));
      at++;
      continue;
    }
    const { published, holds, isWhole } = released;
    const { after: position, eventId = "", writtenBelow } = progress;
    await commit(publishing, published, records, { position, eventId, holds, writtenBelow });
    if (!isWhole) continue;
    deps.health?.up(relayCheck(shard), causeOf(hold));
    log.info("Published what was held back of {topic}, shard {shard}", {
      topic: hold.topic,
      shard,
    });
  }
}

/** Commits the cursor once more, as it is: offsets of an idle group expire. */
export async function refresh(publishing: Publishing): Promise<void> {
  const { after: position, eventId, holds, writtenBelow } = publishing.progress;
  if (!eventId) return;
  await commit(publishing, [], new Map(), { position, eventId, holds, writtenBelow });
}

/** One transaction. What it has reached is noted once it is known to be committed. */
async function commit(
  { deps, options, transactor, observer, progress }: Publishing,
  rows: readonly OutboxRow[],
  made: ReadonlyMap<OutboxRow, OutputRecord>,
  { position, eventId, holds = [], writtenBelow }: Reached & { readonly position: number },
): Promise<void> {
  const { shard, groupId, cursorTopic } = options;
  const { clock = steadyClock } = deps;
  if (position !== progress.after) progress.doubt = position;
  progress.unwritten = position;
  await recordNewTopics(rows, deps.store, progress.recordedTopics);
  const metadata = await deps.store.metadata({ eventId, holds, writtenBelow });
  const offset = position + 1;
  const offsets = [{ groupId, topic: cursorTopic, partition: shard, offset, metadata }];
  const records = rows.flatMap((row) => made.get(row) ?? []);
  const beganAt = clock.now();
  await transactor.commit({ records, offsets }).catch((error: unknown) => {
    if (error instanceof TransactionError) observer.failed?.(error.verdict);
    throw asRefusal(error, rows, progress, clock.now()) ?? error;
  });
  for (const { topic } of progress.refused.size > 0 ? rows : []) {
    const cause = causeOf({ topic });
    const isOver = progress.refused.delete(topic) && !holds.some((hold) => causeOf(hold) === cause);
    if (isOver) deps.health?.up(relayCheck(shard), cause);
  }
  if (progress.failures > 0) deps.health?.up(relayCheck(shard), sessionCause);
  Object.assign(progress, {
    ...{ holds, writtenBelow, doubt: undefined, unwritten: undefined, failures: 0 },
  });
  observer.stands?.(shard, { position, holds });
  const [oldest] = rows;
  if (oldest) {
    const ms = clock.now() - beganAt;
    observer.relayed?.({ shard, rows: rows.length, position, oldestAt: oldest.createdAt, ms });
  }
}

/** Topics that were not heard of yet. */
async function lookUpTopics(deps: RelayDeps, rows: readonly OutboxRow[]): Promise<void> {
  if (!deps.lookUp) return;
  const unknown = new Set<string>();
  for (const { topic } of rows) {
    if (deps.partitionCount(topic) === undefined) unknown.add(topic);
  }
  if (unknown.size > 0) await deps.lookUp([...unknown], false);
}

function report(
  { deps: { health }, options: { shard } }: Publishing,
  hold: Hold,
  obstacle: Obstacle | undefined,
): void {
  if (obstacle) health?.down(relayCheck(shard), obstacle.reason, { cause: causeOf(hold) });
}

/** The conditions of holds, for whoever takes them back. */
export function causeOf({ topic, key, partition }: Omit<Hold, "after">): string {
  if (partition) return `topic ${topic}, partition ${partition.partition} of ${partition.count}`;
  return key === undefined ? `topic ${topic}` : `topic ${topic}, key ${key}`;
}

/** What the relay waits for as a whole. */
export const stoppedCause = "held";

function reportStopped(
  { deps: { health }, options: { shard } }: Publishing,
  obstacle?: Obstacle,
): void {
  if (!obstacle) return health?.up(relayCheck(shard), stoppedCause);
  const reason =
    `nothing of shard ${shard} is published any more, since too much of it waits already: ` +
    obstacle.reason;
  health?.down(relayCheck(shard), reason, { cause: stoppedCause });
}
