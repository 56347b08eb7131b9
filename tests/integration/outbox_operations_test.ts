/** What operators and the relay ask of the outbox beside reading it: horizon, retention, backlog, shards. */
import { delay } from "../../src/engine/core/delay.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { agreeOnShards } from "../../src/engine/outbox/agree_on_shards.ts";
import { readBacklog } from "../../src/engine/outbox/backlog.ts";
import { barrierRead } from "../../src/engine/outbox/barrier_read.ts";
import { deletePublishedBelow } from "../../src/engine/outbox/delete_published.ts";
import { type Horizon, horizon } from "../../src/engine/outbox/horizon.ts";
import { rowAt, rowsOfKey } from "../../src/engine/outbox/row_at.ts";
import type { Sql } from "../../src/engine/postgres/database.ts";
import { assert, assertEquals, assertGreater, assertRejects } from "../support/assert.ts";
import { outboxDatabase } from "./outbox_database.ts";
import { appendCommitted, openWriter } from "./outbox_writer.ts";

Deno.test("horizon names the session that holds the outbox back", async () => {
  await using db = await outboxDatabase();
  const forgotten = await openWriter(db.open("forgotten-cron", 1));
  await forgotten.append("k", "open");
  const xid = await forgotten.takeXid();

  const { xmin, ageMs, holder } = await horizonAt(db.sql, xid);
  assertEquals(xmin, xid);
  assertGreater(ageMs, 0);
  assert(holder?.kind === "session");
  assertEquals(holder.applicationName, "forgotten-cron");
  assertEquals(holder.state, "idle in transaction");
  assertEquals(holder.database, new URL(db.url).pathname.slice(1));
  await forgotten.rollback();
});

Deno.test("horizon is not held by a transaction that only reads", async () => {
  await using db = await outboxDatabase();
  const report = await openWriter(db.open("long-report", 1));
  await report.tx`select count(*) from outbox`;
  const { holder } = await horizon(db.sql);
  if (holder?.kind === "session") assert(holder.applicationName !== "long-report");
  await report.commit();
});

Deno.test("prepared transaction holds the barrier back and is named by its gid", async () => {
  await using db = await outboxDatabase();
  const [setting] = await db.sql`select current_setting('max_prepared_transactions')::int as max`;
  if (setting?.max === 0) return; // This server takes none, so none can hold anything back.
  const gid = `held-${crypto.randomUUID()}`;
  const writer = db.open("two-phase", 1);
  await writer.unsafe(`
    begin;
    select outbox_append(0, 't', 'k', 'prepared', '[]', gen_random_uuid(), 'Said');
    prepare transaction '${gid}'
  `);
  await appendCommitted(db.sql, "k", "committed");
  const options = { shard: 0, after: 0, limit: 10, signal: neverAborted() };
  assertEquals((await barrierRead(db.sql, { ...options, waitMsMax: 50 })).kind, "waiting");
  const [held] = await db.sql`select transaction::text as xid from pg_prepared_xacts`;
  const { holder } = await horizonAt(db.sql, held?.xid);
  assert(holder?.kind === "prepared");
  assertEquals(holder.gid, gid);
  await writer.unsafe(`commit prepared '${gid}'`);
  const read = await barrierRead(db.sql, { ...options, waitMsMax: 30_000 });
  assert(read.kind === "rows");
  assertEquals(read.rows.length, 2);
});

Deno.test("retention deletes old rows below the cursor and keeps the cursor's own", async () => {
  await using db = await outboxDatabase();
  for (const text of ["1", "2", "3", "4", "5"]) await appendCommitted(db.sql, "k", text);
  await db.sql`update outbox set created_at = created_at - interval '25 hours' where position <> 2`;
  const retention = { shard: 0, from: 0, cursor: 4, olderThanHours: 24, limit: 1 };
  const prune = (from: number, limit: number) =>
    deletePublishedBelow(db.sql, { ...retention, from, limit });
  assertEquals(await prune(0, 1), { looked: 1, deleted: 1, next: 2 });
  assertEquals(await prune(2, 100), { looked: 2, deleted: 1, next: 2 });
  assertEquals(await prune(2, 100), { looked: 1, deleted: 0, next: 2 });
  assertEquals(await prune(4, 100), { looked: 0, deleted: 0, next: 4 });
  const kept = await db.sql`select position from outbox order by position`;
  assertEquals(kept.map((row) => row.position), [2, 4, 5], "2 is too young, 4 is the cursor");
  assertEquals((await rowAt(db.sql, 0, 4))?.key, "k");
  assertEquals(await rowAt(db.sql, 0, 3), undefined);
});

Deno.test("retention looks at no more rows than it is told, and passes those from a clock that was ahead", async () => {
  await using db = await outboxDatabase();
  for (const text of ["1", "2", "3", "4", "5"]) await appendCommitted(db.sql, "k", text);
  await db.sql`update outbox set created_at = created_at + interval '1 year' where position < 3`;
  await db.sql`update outbox set created_at = created_at - interval '1 year' where position = 4`;
  const retention = { shard: 0, cursor: 5, olderThanHours: 24 };
  const prune = (from: number, limit: number) =>
    deletePublishedBelow(db.sql, { ...retention, from, limit });
  assertEquals(await prune(0, 1), { looked: 1, deleted: 1, next: 2 });
  // The third is young, and nothing behind it was looked at.
  assertEquals(await prune(2, 2), { looked: 2, deleted: 1, next: 3 });
  const kept = await db.sql`select position from outbox order by position`;
  assertEquals(kept.map((row) => row.position), [3, 4, 5]);
});

Deno.test("retention of one shard leaves the others alone", async () => {
  await using db = await outboxDatabase();
  for (let i = 0; i < 20; i++) await appendCommitted(db.sql, `key-${i}`, "x", 2);
  await deletePublishedBelow(db.sql, {
    ...{ shard: 1, from: 0, cursor: 100, olderThanHours: 0, limit: 100 },
  });
  const left = await db.sql`select distinct shard from outbox`;
  assertEquals(left.map((row) => row.shard), [0]);
});

Deno.test("rows of a key are found in the order of their positions", async () => {
  await using db = await outboxDatabase();
  for (const key of ["a", "b", "a"]) await appendCommitted(db.sql, key, key);
  const rows = await rowsOfKey(db.sql, 0, "a", 10);
  assertEquals(rows.map(({ position }) => position), [1, 3]);
});

Deno.test("backlog counts rows after the cursor and the age of the oldest", async () => {
  await using db = await outboxDatabase();
  assertEquals(await readBacklog(db.sql, { shard: 0, after: 0 }), { rows: 0, ageMs: 0 });
  for (const text of ["1", "2", "3"]) await appendCommitted(db.sql, "k", text);
  const backlog = await readBacklog(db.sql, { shard: 0, after: 1 });
  assertEquals(backlog.rows, 2);
  assertGreater(backlog.ageMs, 0);
  const capped = await readBacklog(db.sql, { shard: 0, after: 0, countMax: 2 });
  assertEquals(capped.rows, 2);
});

Deno.test("number of shards is agreed on first use, and another one is refused", async () => {
  await using db = await outboxDatabase();
  await Promise.all([agreeOnShards(db.sql, 4), agreeOnShards(db.sql, 4)]);
  await assertRejects(() => agreeOnShards(db.sql, 2), HaltError, "filled with 4");
});

Deno.test("event that is published twice is refused by the outbox", async () => {
  await using db = await outboxDatabase();
  const id = crypto.randomUUID();
  const append = async () => {
    await db.sql`select outbox_append(0, 't', 'k', 'x', '[]', ${id}, 'Said')`;
  };
  await append();
  await assertRejects(append);
});

/** The horizon once it has come to that xid: an older transaction of the server (autovacuum) may hold it for a moment. */
async function horizonAt(sql: Sql, xid: string): Promise<Horizon> {
  for (let look = 0;; look++) {
    const found = await horizon(sql);
    if (found.xmin === xid || look === 300) return found;
    await delay(100);
  }
}

function neverAborted(): AbortSignal {
  return new AbortController().signal;
}
