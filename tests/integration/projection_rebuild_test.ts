import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { applyBatch } from "../../src/engine/projection/apply_batch.ts";
import type { Projection } from "../../src/engine/projection/define_projection.ts";
import { type Dedupe, liveTarget } from "../../src/engine/projection/fold_target.ts";
import type { LogSource } from "../../src/engine/projection/log_source.ts";
import { projectionStatus } from "../../src/engine/projection/projection_status.ts";
import {
  rebuildProjection,
  type RebuildReport,
} from "../../src/engine/projection/rebuild_projection.ts";
import { RebuildReplacedError } from "../../src/engine/projection/staging.ts";
import { databaseWith } from "./projection_database.ts";
import { follow, followToEnd, positionOf } from "./projection_follow.ts";
import { MemoryLog } from "./projection_memory_log.ts";
import { deadLetter, invoiced, placed, topics } from "./projection_order_records.ts";
import { dumpViews } from "./projection_tables.ts";

const projection = orderViews(topics);
const orders0 = { topic: topics.orders, partition: 0 };

function logOf(orders: number): MemoryLog {
  const log = new MemoryLog(2, projection.topics);
  for (let i = 0; i < orders; i++) appendOrder(log, i);
  return log;
}

/** An order in three is dead-lettered and the others are invoiced, every tenth of them twice. */
function appendOrder(log: MemoryLog, i: number): void {
  const order = { orderId: `o${i}`, userId: `u${i % 7}`, amount: `${i}.01`, partition: i % 2 };
  const original = log.append(placed(order));
  if (i % 3 === 0) log.append(deadLetter(original, original.offset));
  else log.append(invoiced(order));
  if (i % 10 === 1) log.append(invoiced(order));
}

function rebuild(
  sql: Sql,
  source: LogSource,
  more: {
    readonly projection?: Projection;
    readonly dedupe?: Dedupe;
    readonly allowMissingHistory?: boolean;
    readonly lockAttemptsMax?: number;
  } = {},
): Promise<RebuildReport> {
  return rebuildProjection({
    sql,
    source,
    dedupe: more.dedupe ?? "position",
    bounds: { recordsMax: 50, bytesMax: 1_000_000 },
    backoff: { firstMs: 5, waitMsMax: 20 },
    limits: { lockTimeoutMs: 100, lockAttemptsMax: more.lockAttemptsMax ?? 200 },
  }, {
    projection: more.projection ?? projection,
    signal: AbortSignal.timeout(120_000),
    allowMissingHistory: more.allowMissingHistory,
  });
}

/** Names of everything that a rebuild makes and must not leave behind, beside the tables that it says it has kept. */
async function leftovers(sql: Sql): Promise<readonly unknown[]> {
  const rows = await sql`
    with known as (
      select name as label, '' as schema from projections
      union all select name || '#' || kept_id, name || '_kept_' || kept_id from projections where kept_id is not null
    )
    select nspname as name from pg_namespace
    where nspname like 'order_views%' and nspname not in (select schema from known)
    union all
    select projection from projection_positions where projection not in (select label from known)
    union all
    select projection from processed_events where projection not in (select label from known)
  `;
  return rows.map((row) => row.name);
}

for (const dedupe of ["position", "event_id"] as const) {
  Deno.test(`a rebuilt read model equals the live one, deduped by ${dedupe}`, async () => {
    await using database = await databaseWith(projection);
    const { sql } = database;
    const log = logOf(200);
    await followToEnd({ sql, projection, log, dedupe });
    const live = await dumpViews(sql);
    const indexes = await indexNames(sql);

    const report = await rebuild(sql, log, { dedupe });
    assertEquals([report.partitions, report.events, report.skipped], [6, 420, 0]);
    assertEquals(await dumpViews(sql), live);
    assertEquals(await indexNames(sql), indexes);
    assertEquals(await leftovers(sql), []);
    assertEquals(await positionOf(sql, projection.name, "orders", 1), 100);

    appendOrder(log, 200);
    await followToEnd({ sql, projection, log, dedupe });
    assertEquals((await projectionStatus({ sql, projection, source: log })).lag, 0);
  });
}

Deno.test("a rebuild mends tables that were changed by hand", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(30);
  await followToEnd({ sql, projection, log });
  const live = await dumpViews(sql);
  await sql`delete from order_view where order_id in ('o1', 'o2')`;
  await sql`update customer_totals set orders_count = orders_count + 1`;
  const { findings } = await projectionStatus({ sql, projection, source: log });
  assert(findings.some((finding) => finding.startsWith("orders:")), findings.join("\n"));
  await rebuild(sql, log);
  assertEquals(await dumpViews(sql), live);
});

Deno.test("a rebuild fills tables that no projector has filled yet", async () => {
  await using database = await databaseWith(projection);
  await using other = await databaseWith(projection);
  const log = logOf(30);
  await rebuild(database.sql, log);
  await followToEnd({ sql: other.sql, projection, log });
  assertEquals(await dumpViews(database.sql), await dumpViews(other.sql));
});

Deno.test("live projectors go on through a rebuild, and no record is lost or folded twice", async () => {
  await using database = await databaseWith(projection);
  await using calm = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(300);
  const stop = new AbortController();
  let written = 300;
  const onApplied = () => {
    // Load that keeps coming while anything is folded.
    if (written < 600) appendOrder(log, written++);
  };
  const following = follow({ sql, projection, log, recordsMax: 5, more: { onApplied } }, stop);
  for (let times = 0; times < 4; times++) await rebuild(sql, log);
  while (written < 600) appendOrder(log, written++);
  stop.abort();
  await following;
  await followToEnd({ sql, projection, log });
  await followToEnd({ sql: calm.sql, projection, log });
  assertEquals(await dumpViews(sql), await dumpViews(calm.sql));
});

Deno.test("a projector that was behind goes on from the swapped position", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(20);
  const moved = Promise.withResolvers<readonly number[]>();
  const onMoved = (at: { topic: string; partition: number; from: number; to: number }) => {
    if (at.topic === "orders" && at.partition === 0) moved.resolve([at.from, at.to]);
  };
  const stop = new AbortController();
  const swapped = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const slow: LogSource = {
    partitions: log.partitions,
    range: log.range,
    async openReader(partition, from) {
      const reader = await log.openReader(partition, from);
      const next: typeof reader.next = async (bounds, signal) => {
        const batch = await reader.next(bounds, signal);
        if (partition.topic === "orders" && partition.partition === 0) {
          held.resolve();
          await swapped.promise;
        }
        return batch;
      };
      return { ...reader, next };
    },
  };
  const following = follow({ sql, projection, log: slow, more: { onMoved } }, stop);
  await held.promise;
  await rebuild(sql, log);
  swapped.resolve();
  assertEquals(await moved.promise, [0, 10]);
  stop.abort();
  await following;
  assertEquals((await projectionStatus({ sql, projection, source: log })).findings.slice(1), []);
});

Deno.test("a projector that waits for its position during the swap finds it moved, and folds nothing", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(20);
  await followToEnd({ sql, projection, log });
  const before = log.append(placed({ orderId: "seen live", partition: 0 }));
  let waiting: ReturnType<typeof applyBatch> | undefined;
  // The rebuild is told of the log's end without the last record; the live tables have it, so the swap catches up.
  let ranges = 0;
  const source: LogSource = {
    partitions: log.partitions,
    async range(partition) {
      const range = await log.range(partition);
      // The first twelve are asked before the replay, to see whether history is missing.
      const asked = ranges++;
      const isEnd = asked >= 12 && asked < 18;
      const first = isEnd && partition.topic === "orders" && partition.partition === 0;
      return first ? { ...range, end: before.offset } : range;
    },
    async openReader(partition, from) {
      if (partition.topic === "orders" && partition.partition === 0 && from === before.offset) {
        // This is within the swap's transaction, which holds the positions.
        waiting = applyBatch(sql, liveTarget(projection, "position"), orders0, before.offset + 1, {
          records: [{ ...before, offset: before.offset + 1 }],
          nextOffset: before.offset + 2,
        });
        await untilWaiting(sql);
      }
      const reader = await log.openReader(partition, from);
      const next: typeof reader.next = (bounds, signal) =>
        reader.next({ ...bounds, recordsMax: before.offset }, signal);
      return { ...reader, next };
    },
  };
  await followToEnd({ sql, projection, log });
  await rebuild(sql, source);
  assertEquals((await waiting)?.kind, "moved");
  assertEquals(await positionOf(sql, projection.name, "orders", 0), before.offset + 1);
});

Deno.test("a log that has lost its beginning is rebuilt only when that is asked for", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(20);
  await followToEnd({ sql, projection, log });
  const live = await dumpViews(sql);
  log.deleteBefore(orders0, 4);
  const error = await assertRejects(() => rebuild(sql, log), HaltError);
  assertStringIncludes(error.message, "--allow-missing-history");
  assertEquals(await dumpViews(sql), live);
  assertEquals(await leftovers(sql), []);

  await rebuild(sql, log, { allowMissingHistory: true });
  assertEquals(await positionOf(sql, projection.name, "orders", 0), 10);
});

Deno.test("a topic that was recreated is folded from its new beginning by a rebuild", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(20);
  await followToEnd({ sql, projection, log });
  log.truncate(orders0);
  log.append(placed({ orderId: "new", partition: 0 }));
  // The live tables hold what the new topic does not.
  const live = await dumpViews(sql);
  const refused = await assertRejects(() => rebuild(sql, log), HaltError);
  assertStringIncludes(refused.message, "--allow-missing-history");
  assertEquals(await dumpViews(sql), live);
  await rebuild(sql, log, { allowMissingHistory: true });
  assertEquals(await positionOf(sql, projection.name, "orders", 0), 1);
  await followToEnd({ sql, projection, log });
});

Deno.test("a topic of another identity, or another log, is rebuilt only when that is asked for, however long it is", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(20);
  await followToEnd({ sql, projection, log, more: { topicId: () => "first" } });
  const { partitions, range, openReader } = log;
  const source: LogSource = { partitions, range, openReader, topicId: () => "first" };
  await rebuild(sql, source);
  const again = { ...source, topicId: () => "second" };
  const remade = await assertRejects(() => rebuild(sql, again), HaltError);
  assertStringIncludes(remade.message, "deleted and recreated");

  await sql`update projection_positions set log_mark = 'mark' where topic = 'orders'`;
  const replaced = { ...source, divergence: () => Promise.resolve("it is another one") };
  const other = await assertRejects(() => rebuild(sql, replaced), HaltError);
  assertStringIncludes(other.message, "it is another one");
  await rebuild(sql, replaced, { allowMissingHistory: true });
});

Deno.test("of two rebuilds at once the one started last wins and the other says so", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(100);
  const second = Promise.withResolvers<RebuildReport>();
  let opened = 0;
  const source: LogSource = {
    partitions: log.partitions,
    range: log.range,
    async openReader(partition, from) {
      if (opened++ === 2) second.resolve(rebuild(sql, log));
      await second.promise;
      return await log.openReader(partition, from);
    },
  };
  // The first replays two partitions only once the second has been swapped in.
  const first = assertRejects(() => rebuild(sql, source), RebuildReplacedError);
  await first;
  assertEquals((await second.promise).events, 210);
  assertEquals(await leftovers(sql), []);
});

Deno.test("what a killed rebuild left is dropped by the next one", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(10);
  await sql`create schema order_views_rebuild_0123abcd`;
  await sql`create table order_views_rebuild_0123abcd.order_view (order_id text)`;
  await sql`
    insert into projection_positions (projection, topic, partition, next_offset, version)
    values ('order_views@0123abcd', 'orders', 0, 5, 1)
  `;
  await rebuild(sql, log);
  assertEquals(await leftovers(sql), []);
});

Deno.test("a new version is rebuilt beside the old, and a program of the old version then stops", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(10);
  await followToEnd({ sql, projection, log });
  const newer: Projection = {
    ...projection,
    version: 2,
    tables: [
      ...projection.tables.slice(0, 1),
      ...projection.tables.slice(1).map((table) => ({
        ...table,
        ddl: (name: string) => `${table.ddl(name)}; alter table ${name} add column note text`,
      })),
    ],
  };
  const refused = await assertRejects(
    () => followToEnd({ sql, projection: newer, log: appended(log) }),
    HaltError,
  );
  assertStringIncludes(refused.message, "projection rebuild");
  const report = await rebuild(sql, log, { projection: newer });
  assertEquals([report.replacedVersion, report.version], [1, 2]);
  await sql`select note from customer_totals`;
  await followToEnd({ sql, projection: newer, log: appended(log) });
  const outdated = await assertRejects(
    () => followToEnd({ sql, projection, log: appended(log) }),
    HaltError,
  );
  assertStringIncludes(outdated.message, "update this one");
});

Deno.test("a program of the old version that runs through the swap folds nothing into the new tables", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(10);
  await followToEnd({ sql, projection, log });
  const following = follow({ sql, projection, log }, new AbortController());
  const stopped = assertRejects(() => following, HaltError, "update this one");
  await rebuild(sql, log, { projection: { ...projection, version: 2 } });
  const before = await dumpViews(sql);
  appended(log);
  await stopped;
  assertEquals(await dumpViews(sql), before);
});

Deno.test("grants on the live tables are there after the swap", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await sql`grant select on order_view to public`;
  await rebuild(sql, logOf(1));
  const [row] = await sql`
    select has_table_privilege('pg_monitor', 'order_view', 'select') as granted,
      has_table_privilege('pg_monitor', 'customer_totals', 'select') as not_granted
  `;
  assertEquals({ ...row }, { granted: true, not_granted: false });
});

Deno.test("a view that somebody made on a live table stops the swap and leaves all as it was", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(10);
  await followToEnd({ sql, projection, log });
  const live = await dumpViews(sql);
  await sql`create view rich as select user_id from customer_totals where amount_total > 1000`;
  const error = await assertRejects(() => rebuild(sql, log));
  assertStringIncludes(error.message, "other objects depend on it");
  assertEquals(await dumpViews(sql), live);
  assertEquals(await leftovers(sql), []);
});

Deno.test("a reader that holds a live table too long makes the rebuild give up and say why", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(1);
  await sql.begin(async (tx) => {
    await tx`select from order_view`;
    const error = await assertRejects(() => rebuild(sql, log, { lockAttemptsMax: 2 }));
    assertStringIncludes(error.message, "pg_stat_activity");
  });
  await rebuild(sql, log);
});

function appended(log: MemoryLog): MemoryLog {
  log.append(placed({ orderId: crypto.randomUUID() }));
  return log;
}

async function indexNames(sql: Sql): Promise<readonly unknown[]> {
  const rows = await sql`
    select indexname from pg_indexes where tablename in ('order_view', 'customer_totals')
      and schemaname = 'public'
    order by 1
  `;
  return rows.map((row) => row.indexname);
}

/** Until a session of this database waits for a row that another one has locked. */
async function untilWaiting(sql: Sql): Promise<void> {
  while (true) {
    const [row] = await sql`
      select count(*)::int as sessions from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'
    `;
    if (Number(row?.sessions) > 0) return;
  }
}
