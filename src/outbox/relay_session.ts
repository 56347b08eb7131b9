/** One session of a relay: from fencing and the stable cursor to the first doubt. */
import { getLogger } from "@logtape/logtape";
import { NoteClock } from "../core/note_clock.ts";
import { offsetNotBelow } from "../core/start_offset.ts";
import { delay } from "../core/delay.ts";
import { transactionalId } from "../core/delivery.ts";
import type { Health } from "../core/health.ts";
import type { Transactions, TransactionVerdict, Transactor } from "../core/ports.ts";
import type { Sql } from "../postgres/database.ts";
import { announce, refresh, release } from "./announce_rows.ts";
import { barrierRead, type Mark } from "./barrier_read.ts";
import { deletePublishedBelow } from "./delete_published.ts";
import { announcedBelow, type Hold } from "./holds.ts";
import {
  checkCursor,
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
  /** The largest record that a topic takes, bytes; undefined where it is not known. */
  readonly recordBytesMax?: (topic: string) => number | undefined;
  /** Looks for topics that are not known; with `anew` what is known of them is looked up again. */
  readonly lookUp?: (topics: readonly string[], anew: boolean) => Promise<void>;
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
  /** Rows up to `after` that were passed by and wait. */
  holds: readonly Hold[];
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
/** How often it is looked whether what was held back can be announced. */
const releaseIntervalMs = 1_000;

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
  const { after, eventId, holds } = await checkCursor(deps.sql, options, cursor);
  observer.dependency?.("postgres", true);
  if (progress.doubt !== undefined) {
    observer.resolved?.(after === progress.doubt ? "committed" : "aborted");
  }
  Object.assign(progress, { after, eventId, holds, doubt: undefined });
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
  const announcing = { deps, options, transactor, observer, progress };
  let releasedAt = -Infinity;
  while (!signal.aborted) {
    if (progress.holds.length > 0 && performance.now() - releasedAt > releaseIntervalMs) {
      await release(announcing, signal);
      releasedAt = performance.now();
    }
    const read = await barrierRead(deps.sql, { shard, after: progress.after, limit, mark, signal });
    if (read.kind === "rows") {
      mark = read.mark;
      if (await announce(announcing, read.rows) === 0) {
        await delay(releaseIntervalMs, signal);
        continue;
      }
      committedAt = Date.now();
      if (clock.isDue()) await noteRelayed(deps.sql, shard, noted = progress.after);
      continue;
    }
    mark = read.kind === "waiting" ? read.mark : undefined;
    if (read.kind === "waiting") observer.waiting?.(shard);
    const { after, eventId } = progress;
    if (eventId && after > noted && clock.isDue()) {
      await noteRelayed(deps.sql, shard, noted = after);
    }
    if (eventId && Date.now() - committedAt > (options.cursorRefreshMs ?? dayMs)) {
      await refresh(announcing);
      committedAt = Date.now();
    }
    if (Date.now() - prunedAt > pruneIntervalMs) {
      const cursor = announcedBelow(after, progress.holds);
      await prune(deps.sql, shard, cursor, options.retentionHours);
      prunedAt = Date.now();
    }
    await delay(pollIntervalMs, signal);
  }
}

/** Deletes what is announced for good, a bounded piece at a time; the next piece waits for the next idle moment. */
async function prune(sql: Sql, shard: number, cursor: number, olderThanHours: number) {
  if (cursor <= 0) return;
  const limit = pruneRowsMax;
  const deleted = await deletePublishedBelow(sql, { shard, cursor, olderThanHours, limit });
  if (deleted > 0) {
    log.debug("Deleted {deleted} announced rows of shard {shard}", { deleted, shard });
  }
}
