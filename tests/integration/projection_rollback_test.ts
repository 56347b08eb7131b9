/** The way back after a swap: what comes back, what it is refused for, and that a kill at any moment leaves all of it whole. */
import { HaltError } from "../../src/engine/core/errors.ts";
import { RefusedError } from "../../src/engine/core/refused_error.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import type { Projection } from "../../src/engine/projection/define_projection.ts";
import { describeTablesInTransaction } from "../../src/engine/projection/describe_tables.ts";
import type { Dedupe } from "../../src/engine/projection/fold_target.ts";
import { projectionStatus } from "../../src/engine/projection/projection_status.ts";
import { rebuildProjection } from "../../src/engine/projection/rebuild_projection.ts";
import { missingRebuildRights } from "../../src/engine/projection/rebuild_rights.ts";
import { dropOldTables } from "../../src/engine/projection/rollback.ts";
import { rollbackProjection } from "../../src/engine/projection/rollback_projection.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { cutProxy } from "./projection_cut_proxy.ts";
import { databaseWith } from "./projection_database.ts";
import { follow, followToEnd } from "./projection_follow.ts";
import { MemoryLog } from "./projection_memory_log.ts";
import { placed, topics } from "./projection_order_records.ts";
import { dumpViews } from "./projection_tables.ts";

const projection = orderViews(topics);
const newer: Projection = {
  ...projection,
  version: 2,
  tables: projection.tables.map((table) => ({
    ...table,
    ddl: (name: string) =>
      `${table.ddl(name)}; alter table ${name} add column note text default 'new'`,
  })),
};

function logOf(orders: number): MemoryLog {
  const log = new MemoryLog(2, projection.topics);
  for (let i = 0; i < orders; i++) append(log, i);
  return log;
}

function append(log: MemoryLog, i: number): void {
  log.append(placed({ orderId: `o${i}`, userId: `u${i % 3}`, partition: i % 2 }));
}

interface Work {
  readonly sql: Sql;
  readonly log: MemoryLog;
  readonly of?: Projection;
  readonly dedupe?: Dedupe;
  readonly signal?: AbortSignal;
}

function depsOf({ sql, log, dedupe = "position" }: Work) {
  const bounds = { recordsMax: 50, bytesMax: 1_000_000 };
  return { sql, source: log, dedupe, bounds, backoff: { firstMs: 5, waitMsMax: 20 } };
}

function rebuild(work: Work) {
  const { of = projection, signal = AbortSignal.timeout(60_000) } = work;
  return rebuildProjection(depsOf(work), { projection: of, signal });
}

function rollback(work: Work & { readonly atOnce?: boolean }) {
  const { of = projection, signal = AbortSignal.timeout(60_000), atOnce } = work;
  return rollbackProjection(depsOf(work), { projection: of, signal, atOnce });
}

async function piecesOf(sql: Sql): Promise<readonly string[]> {
  const places = projection.tables.map(({ name }) => ({ schema: "public", name }));
  const pieces = await sql.begin((tx) => describeTablesInTransaction(tx, places));
  return pieces.map(({ identity }) => identity).sort();
}

async function keptDump(sql: Sql): Promise<readonly string[]> {
  const { old } = await projectionStatus({ sql, projection, source: logOf(0) });
  return await sql.begin(async (tx) => {
    await tx`select set_config('search_path', ${`${old?.schema}, public`}, true)`;
    return await dumpViews(tx as unknown as Sql);
  });
}

for (const dedupe of ["position", "event_id"] as const) {
  Deno.test(`a rollback brings the old tables back with what came meanwhile, and is undone by another, deduped by ${dedupe}`, async () => {
    await using database = await databaseWith(projection);
    const { sql } = database;
    const log = logOf(20);
    await followToEnd({ sql, projection, log, dedupe });
    // Not from the log: by this the old tables are known again.
    await sql`update order_view set dead_letter_class = 'old' where order_id = 'o1'`;
    const before = await dumpViews(sql);
    const rebuilt = await rebuild({ sql, log, of: newer, dedupe });
    assertEquals([rebuilt.old?.version, rebuilt.old?.tables], [1, [
      "order_view",
      "customer_totals",
    ]]);
    assert((rebuilt.old?.bytes ?? 0) > 0);
    for (let i = 20; i < 25; i++) append(log, i);
    await followToEnd({ sql, projection: newer, log, dedupe });
    const status = await projectionStatus({ sql, projection: newer, source: log });
    assertEquals([status.old?.version, status.old?.behind, status.lag], [1, 5, 0]);

    const report = await rollback({ sql, log, dedupe });
    assertEquals([report.replacedVersion, report.version], [2, 1]);
    assertEquals([report.behind, report.events, report.old?.version], [5, 5, 2]);
    const after = await dumpViews(sql);
    assertEquals(after.filter((line) => line.startsWith("order")).length, 25);
    assertEquals(before.filter((line) => line.startsWith("order") && !after.includes(line)), []);
    append(log, 25);
    await followToEnd({ sql, projection, log, dedupe });
    assertEquals((await dumpViews(sql)).length, after.length + 1);

    const forward = await rollback({ sql, log, of: newer, dedupe });
    assertEquals([forward.behind, forward.events, forward.version], [1, 1, 2]);
    const rows = await sql`select note from order_view where dead_letter_class is null`;
    assertEquals(rows.length, 26);
    assertEquals((await projectionStatus({ sql, projection: newer, source: log })).findings, []);
  });
}

Deno.test("put back at once, the old tables are caught up by the projectors that run", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(20);
  await followToEnd({ sql, projection, log });
  await rebuild({ sql, log });
  append(log, 20);
  const stop = new AbortController();
  const moved = Promise.withResolvers<readonly number[]>();
  const caughtUp = Promise.withResolvers<void>();
  let isBack = false;
  const following = follow({
    ...{ sql, projection, log },
    more: {
      onMoved: ({ topic, from, to }) => topic === "orders" && moved.resolve([from, to]),
      onApplied: ({ topic, nextOffset }) =>
        void (isBack && topic === "orders" && nextOffset === 12 && caughtUp.resolve()),
    },
  }, stop);
  while ((await sql`select from order_view where order_id = 'o20'`).length === 0);
  const report = await rollback({ sql, log, atOnce: true });
  isBack = true;
  assertEquals([report.behind, report.events], [1, 0]);
  append(log, 22);
  assertEquals(await moved.promise, [11, 10]);
  await caughtUp.promise;
  stop.abort();
  await following;
  const [row] = await sql`select count(*)::int as orders from order_view`;
  assertEquals(row?.orders, 22);
});

Deno.test("what was added to the live tables or taken off them since holds for the old ones that come back", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
  await sql.unsafe(`create role ${role}`);
  try {
    for (
      const statement of [
        `grant select on order_view, customer_totals to ${role}`,
        `create policy wide on order_view for select to ${role} using (true)`,
        `create policy same on order_view for select to ${role} using (user_id = 'u0')`,
        `alter table order_view enable row level security`,
        `create statistics pairs (dependencies) on user_id, currency from order_view`,
        `create publication ${role}_p for table order_view`,
      ]
    ) await sql.unsafe(statement);
    const log = logOf(6);
    await rebuild({ sql, log, of: newer });
    for (
      const statement of [
        `revoke select on customer_totals from ${role}`,
        `drop policy wide on order_view`,
        `drop policy same on order_view`,
        `create policy same on order_view for select to ${role} using (user_id = 'u1')`,
        `create policy another on customer_totals for select using (false)`,
        `create index by_amount on order_view (amount)`,
        `alter publication ${role}_p add table customer_totals`,
      ]
    ) await sql.unsafe(statement);
    const wanted = (await piecesOf(sql)).filter((piece) => !piece.includes('"note"'));
    const report = await rollback({ sql, log });
    assertEquals(await piecesOf(sql), wanted);
    assert(report.kept?.includes("index by_amount of order_view"), report.kept?.join());
    const published = await sql`select schemaname as schema from pg_publication_tables order by 1`;
    assertEquals(published.map((row) => row.schema), ["public", "public"]);
  } finally {
    await sql.unsafe(`drop owned by ${role}`);
    await sql.unsafe(`drop role ${role}`);
  }
});

Deno.test("a rollback is refused with the reason, and old tables are dropped only where nothing depends on them", async () => {
  await using database = await databaseWith(projection);
  const { sql, url: databaseUrl } = database;
  const log = logOf(6);
  const place = { databaseUrl, projection, signal: AbortSignal.timeout(60_000) };
  const refused = async (words: RegExp, of: Projection = projection) => {
    const live = await dumpViews(sql);
    const error = await assertRejects(() => rollback({ sql, log, of }));
    assertMatch(error.message, words);
    assertEquals(await dumpViews(sql), live);
    return error;
  };
  await followToEnd({ sql, projection, log });
  assert(await refused(/no old tables are kept/) instanceof RefusedError);
  assertEquals(await dropOldTables(place), undefined);
  await rebuild({ sql, log });
  assert(
    await refused(/hold version 1 and this program makes .* 2/, newer) instanceof RefusedError,
  );

  const { old } = await projectionStatus({ sql, projection, source: log });
  await sql.unsafe(`create view glance as select order_id from ${old?.schema}.order_view`);
  for (const work of [() => dropOldTables(place), () => rebuild({ sql, log })]) {
    const error = await assertRejects(work, HaltError);
    assertMatch(error.message, /Cannot drop the old tables .*\n.*view glance/);
  }
  await sql`drop view glance`;
  await sql.unsafe(`create table ${old?.schema}.stranger (id int)`);
  await refused(/table .*stranger/);
  await sql.unsafe(`drop table ${old?.schema}.stranger`);

  append(log, 6);
  await followToEnd({ sql, projection, log });
  log.deleteBefore({ topic: topics.orders, partition: 0 }, 4);
  const gone = await refused(/orders-0 starts at offset 4, and they have folded it up to 3/);
  assert(gone instanceof HaltError);
  const dropped = await dropOldTables({
    ...place,
    beforeDrop: ({ version }) => assertEquals(version, 1),
  });
  assertEquals(dropped?.schema, old?.schema);
  const left = await sql`
    select nspname as name from pg_namespace where nspname like 'order_views%'
    union all select projection from projection_positions where projection <> 'order_views'
  `;
  assertEquals(left.length, 0);
});

Deno.test("who may not drop what an earlier rebuild has kept is told before a rebuild begins", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await rebuild({ sql, log: logOf(1) });
  const role = `role_${crypto.randomUUID().slice(0, 8)}`;
  await sql.unsafe(`create role ${role}`);
  try {
    await sql.unsafe(`grant select on projections to ${role}`);
    await sql.unsafe(`alter table order_view owner to ${role}`);
    await sql.unsafe(`alter table customer_totals owner to ${role}`);
    await sql.unsafe(`grant create, usage on schema public to ${role}`);
    const missing = () =>
      sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${role}`);
        return await missingRebuildRights(tx, projection);
      });
    const first = await missing();
    for (const statement of first) await sql.unsafe(statement);
    assert(first.some((one) => one.startsWith("alter schema order_views_kept_")), first.join());
    assertEquals(await missing(), []);
  } finally {
    await sql.unsafe(`reassign owned by ${role} to current_user`);
    await sql.unsafe(`drop owned by ${role}`);
    await sql.unsafe(`drop role ${role}`);
  }
});

Deno.test("killed at any moment, a rebuild that keeps and a rollback leave live and old tables whole", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(12);
  await followToEnd({ sql, projection, log });
  await rebuild({ sql, log });
  // Only the live tables have it: by this they are told from the old ones.
  await sql`update order_view set dead_letter_class = 'live'`;
  const marked = await dumpViews(sql);
  const plain = await keptDump(sql);
  assert(marked.length === plain.length && marked.join() !== plain.join());
  let live = marked;
  for (const act of [rollback, rebuild]) {
    const wasLive = live;
    let kills = 0;
    for (let at = 1 + Math.floor(Math.random() * 11), ended = false; !ended; at += 11) {
      let sent = 0;
      const dead = new AbortController();
      await using proxy = cutProxy(database.url, () => {
        if (++sent !== at) return;
        dead.abort(new Error("killed"));
        proxy.down();
      });
      const through = openDatabase(proxy.url, { connectionsMax: 2, applicationName: "victim" });
      const { signal } = dead;
      ended = await act({ sql: through.sql, log, signal }).then(() => true, () => false);
      kills += ended ? 0 : 1;
      await through[Symbol.asyncDispose]();
      await untilGone(sql, "victim");
      live = await dumpViews(sql);
      const old = await keptDump(sql);
      const found = [live.join(), old.join()].sort();
      if (act === rollback) assertEquals(found, [marked.join(), plain.join()].sort(), `at ${at}`);
      // A kill between the commit and its answer: it was done, and the next one would undo it.
      if (!ended && live.join() !== wasLive.join()) ended = true;
      const { findings, lag } = await projectionStatus({ sql, projection, source: log });
      assertEquals([findings, lag], [[], 0], `at ${at}`);
      const positions = await sql`
        select projection, sum(next_offset)::int as sum from projection_positions
        where projection not like '%@%' group by 1
      `;
      assertEquals(positions.map((row) => row.sum), [12, 12], `at ${at}`);
    }
    assert(kills > 3, `${kills} kills`);
  }
  // Whatever was left half done: work goes on.
  append(log, 12);
  await followToEnd({ sql, projection, log });
  assertEquals((await dumpViews(sql)).length, marked.length + 1);
});

async function untilGone(sql: Sql, name: string): Promise<void> {
  while ((await sql`select from pg_stat_activity where application_name = ${name}`).length > 0);
}
