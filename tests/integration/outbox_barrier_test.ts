/** What the barrier read promises, under the schedules that defeat simpler readers. */
import { type BarrierRead, barrierRead } from "../../src/engine/outbox/barrier_read.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { TransactionError } from "../../src/engine/core/ports.ts";
import type { Sql } from "../../src/engine/postgres/database.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { outboxDatabase } from "./outbox_database.ts";
import { appendCommitted, openWriter } from "./outbox_writer.ts";

const never = new AbortController().signal;
const decoder = new TextDecoder();
/** Xids are shared by all databases of a server: somebody else's writer may hold a read back for a moment. */
const patientMs = 30_000;

function read(sql: Sql, after: number, more: { limit?: number; shard?: number } = {}) {
  return barrierRead(sql, {
    shard: 0,
    after,
    limit: 100,
    waitMsMax: patientMs,
    signal: never,
    ...more,
  });
}

/** A read that is known to find an open writer before it. */
function readInVain(sql: Sql, after: number) {
  return barrierRead(sql, { shard: 0, after, limit: 100, waitMsMax: 50, signal: never });
}

function texts(read: BarrierRead): string[] {
  return read.kind === "rows" ? read.rows.map((row) => decoder.decode(row.value ?? undefined)) : [];
}

Deno.test("barrier hands out nothing above the position of an open writer", async () => {
  await using db = await outboxDatabase();
  const early = await openWriter(db.sql);
  await early.append("a", "early");
  await appendCommitted(db.sql, "b", "late");

  const naive = await db.sql`select position from outbox where position > 0 order by position`;
  assertEquals(naive.map((row) => row.position), [2], "`id > cursor` moves past position 1");
  const held = await readInVain(db.sql, 0);
  assertEquals(held.kind, "waiting");

  await early.commit();
  const missed = await db.sql`select position from outbox where position > 2`;
  assertEquals(missed.length, 0, "`id > cursor` never comes back to position 1");
  assertEquals(texts(await read(db.sql, 0)), ["early", "late"]);
});

Deno.test("barrier waits for a writer that no snapshot lists yet", async () => {
  await using db = await outboxDatabase();
  await appendCommitted(db.sql, "z", "zero");
  const first = await openWriter(db.sql);
  const second = await openWriter(db.sql);
  const firstXid = await first.takeXid();
  await first.append("a", "first");
  await second.append("b", "second");
  const [snapshot] = await db.sql`
    select pg_snapshot_xmax(pg_current_snapshot())::text as xmax
  `;
  const [taken] = await db.sql`select hi, xid::text as xid from outbox_mark(0, 0)`;
  await second.commit();

  // xmax is one past the latest completed xid. Unless something else on this server completed an xid just then, it lies
  // at or below both writers, and a wait for xmin >= xmax is over while `first` is still open.
  if (BigInt(snapshot?.xmax) <= BigInt(firstXid)) {
    const [naive] = await db.sql`
      select xmin::text as xmin, xmin >= ${snapshot?.xmax}::text::xid8 as settled
      from pg_snapshot_xmin(pg_current_snapshot()) as xmin
    `;
    const nobodyOlder = naive?.xmin === firstXid;
    assert(!nobodyOlder || naive.settled, "the rule with xmax hands out `second`, loses `first`");
  }
  const barrier = { position: taken?.hi, xid: taken?.xid, settled: false };
  const options = { shard: 0, after: 0, limit: 10, barrier, waitMsMax: patientMs, signal: never };
  const inVain = await barrierRead(db.sql, { ...options, waitMsMax: 50 });
  assertEquals(inVain.kind, "waiting");
  await first.commit();
  assertEquals(texts(await barrierRead(db.sql, options)), ["zero", "first", "second"]);
});

Deno.test("barrier keeps one key in commit order where (xid, id) below xmin inverts it", async () => {
  await using db = await outboxDatabase();
  await db.sql`create table accounts (key text primary key)`;
  await db.sql`insert into accounts values ('k')`;
  const holdsXmin = await openWriter(db.sql);
  await holdsXmin.takeXid();
  const earlyXid = await openWriter(db.sql);
  await earlyXid.takeXid();

  const lateXid = await openWriter(db.sql);
  await lateXid.tx`select from accounts where key = 'k' for update`;
  await lateXid.append("k", "1: committed first");
  await lateXid.commit();
  await earlyXid.tx`select from accounts where key = 'k' for update`;
  await earlyXid.append("k", "2: committed second");
  await earlyXid.commit();
  await holdsXmin.commit();

  // All three have ended, so xmin has passed them and lets both rows through.
  const byXid = await db.sql`select value from outbox order by xid, position`;
  assertEquals(byXid.map((row) => decoder.decode(row.value)), [
    "2: committed second",
    "1: committed first",
  ]);
  assertEquals(texts(await read(db.sql, 0)), ["1: committed first", "2: committed second"]);
});

Deno.test("barrier passes over positions that were rolled back", async () => {
  await using db = await outboxDatabase();
  const gone = await openWriter(db.sql);
  await gone.append("a", "gone");
  await appendCommitted(db.sql, "b", "kept");
  await gone.rollback();
  const found = await read(db.sql, 0);
  assertEquals(texts(found), ["kept"]);
  assertEquals((await read(db.sql, 2)).kind, "empty");
});

Deno.test("barrier lets a reader finish rows below its barrier while a later writer is open", async () => {
  await using db = await outboxDatabase();
  for (const text of ["1", "2", "3", "4", "5"]) await appendCommitted(db.sql, "k", text);
  const first = await read(db.sql, 0, { limit: 2 });
  assert(first.kind === "rows");
  assert(first.barrier.settled);

  const late = await openWriter(db.sql);
  await late.append("k", "late");
  const options = { shard: 0, limit: 2, waitMsMax: patientMs, signal: never };
  const second = await barrierRead(db.sql, { ...options, after: 2, barrier: first.barrier });
  assert(second.kind === "rows");
  assertEquals(texts(second), ["3", "4"]);
  assertEquals(second.barrier, first.barrier, "one barrier serves the whole backlog");
  const third = await barrierRead(db.sql, { ...options, after: 4, barrier: second.barrier });
  assertEquals(texts(third), ["5"]);
  await late.rollback();
});

Deno.test("barrier that waited keeps its place among newer writers", async () => {
  await using db = await outboxDatabase();
  const old = await openWriter(db.sql);
  await old.append("k", "old");
  await appendCommitted(db.sql, "k", "new");
  const held = await readInVain(db.sql, 0);
  assert(held.kind === "waiting");

  const newer = await openWriter(db.sql);
  await newer.append("k", "newer");
  await old.commit();
  // A fresh barrier would wait for `newer`; the kept one does not.
  assertEquals((await readInVain(db.sql, 0)).kind, "waiting");
  const kept = await barrierRead(db.sql, {
    shard: 0,
    after: 0,
    limit: 10,
    barrier: held.barrier,
    waitMsMax: patientMs,
    signal: never,
  });
  assertEquals(texts(kept), ["old", "new"]);
  await newer.rollback();
});

Deno.test("barrier wait ends with the reason of its signal", async () => {
  await using db = await outboxDatabase();
  const open = await openWriter(db.sql);
  await open.append("k", "open");
  await appendCommitted(db.sql, "k", "committed");
  const stop = new AbortController();
  const reading = barrierRead(db.sql, {
    shard: 0,
    after: 0,
    limit: 10,
    waitMsMax: 60_000,
    signal: stop.signal,
  });
  stop.abort(new HaltError("stopped by the test"));
  await assertRejects(() => reading, HaltError, "stopped by the test");
  await open.rollback();
});

Deno.test("barrier reads a shard without the rows of another", async () => {
  await using db = await outboxDatabase();
  const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
  for (const key of keys) await appendCommitted(db.sql, key, key, 3);
  const found = await Promise.all([0, 1, 2].map((shard) => read(db.sql, 0, { shard })));
  const all = found.flatMap(texts);
  assertEquals(all.toSorted(), keys.toSorted());
  for (const shard of found) assertGreater(texts(shard).length, 0);
});

Deno.test("append writes the xid of the whole transaction, inside a savepoint too", async () => {
  await using db = await outboxDatabase();
  const writer = await openWriter(db.sql);
  await writer.tx.savepoint(async (inner) => {
    await inner`select outbox_append(0, 't', 'k', 'x', '[]', ${crypto.randomUUID()}, 'Said')`;
  });
  const xid = await writer.takeXid();
  await writer.commit();
  const found = await read(db.sql, 0);
  assert(found.kind === "rows");
  assertEquals(found.rows[0]?.xid, xid);
});

Deno.test("barrier hands out nothing of a server that has another event at the cursor, or none", async () => {
  await using db = await outboxDatabase();
  for (const text of ["1", "2", "3"]) await appendCommitted(db.sql, "k", text);
  const first = await read(db.sql, 0, { limit: 1 });
  assert(first.kind === "rows");
  const [reached] = first.rows;
  assert(reached);
  const options = { shard: 0, limit: 2, after: reached.position, signal: never };
  const go = (eventId: string) =>
    barrierRead(db.sql, { ...options, eventId, barrier: first.barrier, waitMsMax: patientMs });
  assertEquals(texts(await go(reached.eventId)), ["2", "3"], "the cursor's row takes no place");
  const other = await assertRejects(() => go(crypto.randomUUID()), TransactionError);
  assertStringIncludes(other.message, `another row at position ${reached.position}`);
  assertEquals(other.begun, false);

  // As a replica that lacks it and has gone on since.
  await db.sql`delete from outbox where position = ${reached.position}`;
  await assertRejects(() => go(reached.eventId), TransactionError);
});
