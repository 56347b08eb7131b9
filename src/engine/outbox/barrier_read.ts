/** Reads the outbox so that nothing is skipped and the order of no key is changed. Never writes a row, never sends. */
import type { OutboxRow } from "./outbox_row.ts";
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import { TransactionError } from "../core/ports.ts";
import type { Sql } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import { setForward } from "./refused_append.ts";
import { outboxColumns } from "./outbox_row.ts";

// Whoever reads the outbox polls. LISTEN/NOTIFY was tried and rejected: a commit that notifies holds a lock of the whole
// server until it is flushed, so that no two of them share a flush. With `pg_notify` in outbox_append, 64 concurrent
// `placeOrder` on the embedded Postgres went from 2,500-4,000 orders/s to 1,500-1,700 (four rounds of 5,000, in turn),
// below what `POST /orders` owes; an idle poll is one index probe.

/**
 * A bar across the outbox: once every transaction below `xid` has ended (`settled`), no further row can appear at or
 * below `position`. Plain data: it outlives connections and crashes of Postgres, but not a restore.
 */
export interface Barrier {
  readonly position: number;
  readonly xid: string;
  readonly settled: boolean;
}

/** What there is to read. Hand `barrier` to the next call in the same shard. */
export type BarrierRead =
  /** Nothing is visible after the cursor. */
  | { readonly kind: "empty" }
  /** Rows are there, but a writer older than the barrier is still open: see `horizon`. */
  | { readonly kind: "waiting"; readonly barrier: Barrier }
  /** In order of position. There may be more up to `barrier.position`, which need no further wait. */
  | { readonly kind: "rows"; readonly rows: readonly OutboxRow[]; readonly barrier: Barrier };

/** What to read, and for how long to wait. */
export interface BarrierReadOptions {
  readonly shard: number;
  /** The last position that was handed on; 0 at the very start. */
  readonly after: number;
  readonly limit: number;
  /**
   * The event at `after`, read again with the rows behind it: what answers now may be another server than the one that was
   * read until then (a replica that was promoted, an address that was moved), without an error in between.
   */
  readonly eventId?: string;
  /** The barrier of the call before. Without it a stream of long writers could hold each new barrier back in turn. */
  readonly barrier?: Barrier;
  /** How long to wait for open writers before answering `waiting`. */
  readonly waitMsMax?: number;
  readonly signal: AbortSignal;
}

/**
 * The next rows after the cursor, such that every row at or below the last of them has been seen.
 *
 * A barrier is taken only when a row is visible, so an idle outbox costs one index probe a poll and no xid; and one barrier
 * serves a whole backlog: the wait is paid once for all rows up to it, not once a batch.
 *
 * The cursor must be the position of a row that was handed on, never `barrier.position`.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 * @throws {HaltError} when the sequence stands below the cursor: what is written then would be skipped
 * @throws {TransactionError} when the event at the cursor is not the given one any more; nothing was begun
 */
export async function barrierRead(sql: Sql, options: BarrierReadOptions): Promise<BarrierRead> {
  return await translatingErrors(async () => {
    const given = options.barrier;
    const usable = given !== undefined && given.position > options.after;
    const barrier = usable ? given : await takeBarrier(sql, options);
    if (barrier === undefined) return { kind: "empty" };
    const settled = barrier.settled || await waitForOlderWriters(sql, barrier, options);
    if (!settled) return { kind: "waiting", barrier };
    const rows = await readRows(sql, options, barrier);
    const passed = { ...barrier, settled };
    // All rows up to the barrier are read, or were rolled back: what comes next lies beyond it.
    return rows.length === 0
      ? await readBeyond(sql, options, usable)
      : { kind: "rows", rows, barrier: passed };
  });
}

/** A used-up barrier hides newer rows: look once more with a fresh one. */
async function readBeyond(
  sql: Sql,
  options: BarrierReadOptions,
  barrierWasGiven: boolean,
): Promise<BarrierRead> {
  if (!barrierWasGiven) return { kind: "empty" };
  return await barrierRead(sql, { ...options, barrier: undefined });
}

async function takeBarrier(
  sql: Sql,
  { shard, after }: BarrierReadOptions,
): Promise<Barrier | undefined> {
  const [row] = await sql<{ hi: number | null; xid: string | null }[]>`
    select hi, xid::text as xid from outbox_mark(${shard}, ${after})
  `;
  if (row === undefined || row.hi === null) return undefined;
  if (row.xid === null) {
    throw new HaltError(
      `Cannot go on relaying shard ${shard}: the sequence outbox_position stands at ${row.hi}, and all up to position ` +
        `${after} was published. It was set back, or restored without the table, and what is written now would be ` +
        `skipped. ${setForward}; then start the worker again. "deno task verify" names what was written in between, if anything`,
    );
  }
  return { position: row.hi, xid: row.xid, settled: false };
}

/**
 * True once every transaction with an xid below the barrier's has ended. Concurrent writers are usually gone within a
 * millisecond or two, so the pause starts short and doubles.
 */
async function waitForOlderWriters(
  sql: Sql,
  barrier: Barrier,
  { signal, waitMsMax = 1_000 }: BarrierReadOptions,
): Promise<boolean> {
  const deadline = performance.now() + waitMsMax;
  for (let pauseMs = 1;; pauseMs = Math.min(pauseMs * 2, 25)) {
    signal.throwIfAborted();
    const [row] = await sql<{ settled: boolean }[]>`
      select pg_snapshot_xmin(pg_current_snapshot()) >= ${barrier.xid}::text::xid8 as settled
    `;
    if (row?.settled) return true;
    if (performance.now() + pauseMs > deadline) return false;
    await delay(pauseMs, signal);
  }
}

/** A statement of its own, so that its snapshot is younger than the end of the last writer that was waited for. */
async function readRows(
  sql: Sql,
  { shard, after, limit, eventId }: BarrierReadOptions,
  barrier: Barrier,
): Promise<readonly OutboxRow[]> {
  const isKnown = eventId !== undefined;
  const rows = await sql<OutboxRow[]>`
    select ${outboxColumns(sql)}
    from outbox
    where shard = ${shard} and position >= ${isKnown ? after : after + 1}
      and position <= ${barrier.position}
    order by position
    limit ${isKnown ? limit + 1 : limit}
  `;
  if (!isKnown) return rows;
  const [reached, ...next] = rows;
  if (reached?.position === after && reached.eventId === eventId) return next;
  throw new TransactionError(
    "unknown",
    `the outbox has another row at position ${after} of shard ${shard} than was published, or none: Postgres was ` +
      `restored or replaced, or another server answers; comparing it with the cursor`,
    { begun: false },
  );
}
