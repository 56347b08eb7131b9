/** One session of a relay: from fencing and the stable cursor to the first doubt. */
import { getLogger } from "@logtape/logtape";
import { NoteClock } from "../core/note_clock.ts";
import { offsetNotBelow } from "../core/start_offset.ts";
import { delay } from "../core/delay.ts";
import { transactionalId } from "../core/delivery.ts";
import { HaltError } from "../core/errors.ts";
import type { Health } from "../core/health.ts";
import { partitionForKey } from "../core/partition_for_key.ts";
import {
  TransactionError,
  type Transactions,
  type TransactionVerdict,
  type Transactor,
} from "../core/ports.ts";
import { type OutputRecord, textHeader } from "../core/record.ts";
import type { Sql } from "../postgres/database.ts";
import { barrierRead, type Mark, type OutboxRow } from "./barrier_read.ts";
import { deletePublishedBelow } from "./delete_published.ts";
import {
  checkCursor,
  cursorMetadata,
  type CursorPlace,
  lowestCursor,
  noteRelayed,
  relayedUpTo,
} from "./relay_cursor.ts";

/** What a relay needs. */
export interface RelayDeps {
  readonly sql: Sql;
  readonly transactions: Transactions;
  /** Told what stands in the relay's way, as `relay:<shard>`. */
  readonly health?: Health;
  /** Partitions of a topic, or undefined where there is no such topic. */
  readonly partitionCount: (topic: string) => number | undefined;
}

/** Bounds of a relay. */
export interface RelayOptions extends CursorPlace {
  readonly batchRecordsMax: number;
  /** The pause before looking for new rows again, milliseconds. */
  readonly pollIntervalMs: number;
  /** An idle cursor is committed again this often, since offsets of an idle group expire, milliseconds. */
  readonly cursorRefreshMs?: number;
  /** Rows that were announced longer ago than this are deleted, hours. */
  readonly retentionHours: number;
}

/** What a relay reports. */
export interface RelayObserver {
  leading?(shard: number, leading: boolean): void;
  /** A session relays on from this position: all up to it is announced. */
  started?(shard: number, position: number): void;
  relayed?(batch: { shard: number; rows: number; position: number; oldestAt: Date }): void;
  /** Rows are visible that may not be handed out yet: an older writer is still open. */
  waiting?(shard: number): void;
  /** A transaction ended otherwise than by its commit; `unknown` is resolved later. */
  failed?(verdict: TransactionVerdict): void;
  resolved?(outcome: "committed" | "aborted"): void;
  dependency?(name: string, up: boolean): void;
}

/** How far a relay has come, over all of its sessions. */
export interface RelayProgress {
  /** The last position known to be announced, or -1 before the first session. */
  after: number;
  /** The event at that position. */
  eventId: string | undefined;
  /** The position that a commit under way would reach. */
  doubt: number | undefined;
  /** The position that was tried last and is not known to be announced; kept until something is. */
  unwritten?: number;
  failures: number;
}

/** The name of a relay's condition. */
export function relayCheck(shard: number): string {
  return `relay:${shard}`;
}

/** What ended its sessions, among the reasons of {@linkcode relayCheck}. */
export const sessionCause = "session";

const log = getLogger(["onceflow", "outbox", "relay"]);
const dayMs = 24 * 60 * 60 * 1_000;
const pruneIntervalMs = 60_000;
const pruneRowsMax = 10_000;

/**
 * Fences earlier relays, reads the cursor and relays from it. Resolves when the signal fires.
 *
 * @throws {TransactionError} at the first doubt; the next session's cursor tells the outcome
 */
export async function relaySession(
  deps: RelayDeps,
  options: RelayOptions,
  signal: AbortSignal,
  observer: RelayObserver,
  progress: RelayProgress,
): Promise<void> {
  const { shard, groupId, cursorTopic } = options;
  const place = { topic: cursorTopic, partition: shard };
  await using transactor = await deps.transactions.open(transactionalId(groupId, place), signal);
  const read = () => deps.transactions.stableOffset(groupId, place, signal);
  const answer = await read();
  const floor = lowestCursor(progress.after, await relayedUpTo(deps.sql, shard));
  const cursor = await offsetNotBelow(floor, { groupId, ...place }, answer, read, signal);
  const { after, eventId } = await checkCursor(deps.sql, options, cursor);
  observer.dependency?.("postgres", true);
  if (progress.doubt !== undefined) {
    observer.resolved?.(after === progress.doubt ? "committed" : "aborted");
  }
  Object.assign(progress, { after, eventId, doubt: undefined });
  if (progress.unwritten === undefined) deps.health?.up(relayCheck(shard), sessionCause);
  observer.started?.(shard, after);
  log.info("Relaying shard {shard} from position {after}", { shard, after });
  await relayRows(deps, options, transactor, signal, observer, progress);
}

async function relayRows(
  deps: RelayDeps,
  options: RelayOptions,
  transactor: Transactor,
  signal: AbortSignal,
  observer: RelayObserver,
  progress: RelayProgress,
): Promise<void> {
  const { shard, batchRecordsMax: limit, pollIntervalMs } = options;
  let mark: Mark | undefined;
  let committedAt = Date.now();
  const clock = new NoteClock();
  let noted = -1;
  let prunedAt = 0;
  while (!signal.aborted) {
    const read = await barrierRead(deps.sql, { shard, after: progress.after, limit, mark, signal });
    if (read.kind === "rows") {
      mark = read.mark;
      await announce(deps, options, transactor, read.rows, progress).catch((error) => {
        if (error instanceof TransactionError) observer.failed?.(error.verdict);
        throw error;
      });
      committedAt = Date.now();
      if (clock.isDue()) await noteRelayed(deps.sql, shard, noted = progress.after);
      const oldestAt = read.rows[0]?.createdAt ?? new Date();
      observer.relayed?.({ shard, rows: read.rows.length, position: progress.after, oldestAt });
      continue;
    }
    mark = read.kind === "waiting" ? read.mark : undefined;
    if (read.kind === "waiting") observer.waiting?.(shard);
    const { after, eventId } = progress;
    if (eventId && after > noted && clock.isDue()) {
      await noteRelayed(deps.sql, shard, noted = after);
    }
    if (eventId && Date.now() - committedAt > (options.cursorRefreshMs ?? dayMs)) {
      await commitCursor(deps, options, transactor, [], after, eventId);
      committedAt = Date.now();
    }
    if (Date.now() - prunedAt > pruneIntervalMs) {
      await prune(deps.sql, shard, after, options.retentionHours);
      prunedAt = Date.now();
    }
    await delay(pollIntervalMs, signal);
  }
}

/** Deletes what is announced for good, a bounded piece at a time; the next piece waits for the next idle moment. */
async function prune(sql: Sql, shard: number, after: number, olderThanHours: number) {
  if (after <= 0) return;
  const limit = pruneRowsMax;
  const deleted = await deletePublishedBelow(sql, { shard, cursor: after, olderThanHours, limit });
  if (deleted > 0) {
    log.debug("Deleted {deleted} announced rows of shard {shard}", { deleted, shard });
  }
}

/** One transaction: the rows as records, and the cursor past the last of them. */
async function announce(
  deps: RelayDeps,
  options: RelayOptions,
  transactor: Transactor,
  rows: readonly OutboxRow[],
  progress: RelayProgress,
): Promise<void> {
  const last = rows.at(-1);
  if (!last) return;
  const records = rows.map((row) => toRecord(row, deps));
  progress.doubt = progress.unwritten = last.position;
  await commitCursor(deps, options, transactor, records, last.position, last.eventId);
  const { position: after, eventId } = last;
  const done = { doubt: undefined, unwritten: undefined, failures: 0 };
  if (progress.failures > 0) deps.health?.up(relayCheck(options.shard), sessionCause);
  Object.assign(progress, { after, eventId, ...done });
}

async function commitCursor(
  { sql }: RelayDeps,
  { shard, groupId, cursorTopic }: RelayOptions,
  transactor: Transactor,
  records: readonly OutputRecord[],
  position: number,
  eventId: string,
): Promise<void> {
  const metadata = await cursorMetadata(sql, eventId);
  const offset = position + 1;
  await transactor.commit({
    records,
    offsets: [{ groupId, topic: cursorTopic, partition: shard, offset, metadata }],
  });
}

function toRecord(row: OutboxRow, { partitionCount }: RelayDeps): OutputRecord {
  const count = partitionCount(row.topic);
  if (count === undefined) {
    throw new HaltError(
      `Cannot announce event ${row.eventId} (outbox position ${row.position}): ` +
        `there is no topic "${row.topic}". Create it, then start the worker again`,
    );
  }
  return {
    topic: row.topic,
    partition: partitionForKey(row.key, count),
    key: row.key,
    value: row.value,
    headers: [
      textHeader("event_id", row.eventId),
      textHeader("event_type", row.eventType),
      ...row.headers.map(([name, value]) => textHeader(name, value)),
    ],
  };
}
