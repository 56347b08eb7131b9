/** The new tables beside the live ones before the swap: every row is counted, at one place of the log, while work goes on. */
import { orderViews } from "../../src/app/orders/views.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import type { Comparison } from "../../src/engine/projection/compare_staged.ts";
import { compareTablesInTransaction } from "../../src/engine/projection/compare_tables.ts";
import type { Projection } from "../../src/engine/projection/define_projection.ts";
import { rebuildProjection } from "../../src/engine/projection/rebuild_projection.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
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
    ddl: (name: string) => `${table.ddl(name)}; alter table ${name} add column note text`,
  })),
};

function append(log: MemoryLog, i: number): void {
  log.append(placed({ orderId: `o${i}`, userId: `u${i}`, amount: "1.50", partition: i % 2 }));
}

function logOf(orders: number): MemoryLog {
  const log = new MemoryLog(2, projection.topics);
  for (let i = 0; i < orders; i++) append(log, i);
  return log;
}

function rebuild(
  sql: Sql,
  log: MemoryLog,
  beforeSwap: (comparison: Comparison) => void,
  more: { readonly of?: Projection; readonly recordsPerSecond?: number } = {},
) {
  return rebuildProjection({
    ...{ sql, source: log, dedupe: "position" },
    bounds: { recordsMax: 50, bytesMax: 1_000_000 },
    backoff: { firstMs: 5, waitMsMax: 20 },
  }, {
    projection: more.of ?? projection,
    signal: AbortSignal.timeout(60_000),
    recordsPerSecond: more.recordsPerSecond,
    differencesMax: 2,
    beforeSwap,
  });
}

Deno.test("each row that differs is counted, some are shown with what differs, and a refusal leaves all as it was", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(20);
  await followToEnd({ sql, projection, log });
  await sql`delete from order_view where order_id = 'o1'`;
  await sql`update order_view set amount = 7, invoices_count = invoices_count where order_id in ('o2', 'o3')`;
  await sql`update order_view set amount = 1.5000 where order_id = 'o4'`;
  await sql`insert into order_view (order_id) values ('aaa')`;
  const live = await dumpViews(sql);
  let seen: Comparison | undefined;
  const refused = new Error("no");
  const beforeSwap = (comparison: Comparison) => {
    seen = comparison;
    throw refused;
  };
  const error = await assertRejects(() => rebuild(sql, log, beforeSwap, { of: newer }));
  assertEquals(error, refused);
  assertEquals(await dumpViews(sql), live);
  const left = await sql`select nspname from pg_namespace where nspname like 'order_views%'`;
  assertEquals(left.length, 0);

  const [orders, totals] = seen?.tables ?? [];
  assertEquals(seen?.liveBehind, 0);
  assertEquals(
    [orders?.rowsLive, orders?.rowsNew, orders?.onlyLive, orders?.onlyNew, orders?.changed],
    [20, 20, 1, 1, 2],
  );
  assertEquals([orders?.columnsOnlyLive, orders?.columnsOnlyNew], [[], ["note"]]);
  assertEquals(orders?.rows.map(({ kind, key }) => [kind, key]), [
    ["only live", '["aaa"]'],
    ["only new", '["o1"]'],
  ]);
  const amount = orders?.rows[1]?.columns.find(({ column }) => column === "amount");
  assertEquals(amount, { column: "amount", live: null, new: "1.50" });
  assertEquals([totals?.onlyLive, totals?.onlyNew, totals?.changed], [0, 0, 0]);

  // As slow as it is told: the second partition's records wait for the first's.
  const report = await rebuild(sql, log, () => {}, { recordsPerSecond: 40 });
  assert(report.elapsedMs >= 400, `${report.elapsedMs} ms`);
  assertEquals(report.comparison?.tables[0]?.changed, 2);
});

Deno.test("tables are compared at one place of the log, while projectors go on under load", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = logOf(100);
  // Nobody has folded anything yet: that is said, and the differences are those of it.
  const seen: Comparison[] = [];
  const noted = (comparison: Comparison) => void seen.push(comparison);
  await assertRejects(() =>
    rebuild(sql, log, (comparison) => {
      noted(comparison);
      throw new Error("no");
    })
  );
  assertEquals([seen[0]?.liveBehind, seen[0]?.tables[0]?.onlyNew], [100, 100]);

  const stop = new AbortController();
  let written = 100;
  const onApplied = () => void (written < 700 && append(log, written++));
  const following = follow({ sql, projection, log, recordsMax: 5, more: { onApplied } }, stop);
  for (let times = 0; times < 3; times++) await rebuild(sql, log, noted);
  stop.abort();
  await following;
  for (const { liveBehind, tables } of seen.slice(1)) {
    assertEquals(liveBehind, 0);
    assertEquals(tables.flatMap(({ rows }) => rows), []);
    assertEquals(tables.map(({ rowsLive, rowsNew }) => rowsLive - rowsNew), [0, 0]);
  }
});

Deno.test("tables without a key in common are compared as bags of rows, and hidden rows are not taken for missing ones", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  for (
    const statement of [
      `create table one (id int, facts json, gone text)`,
      `create table two (facts json, id bigint, come text)`,
      `insert into one values (1, '{"a": 1.0}', 'x'), (2, null, 'x'), (2, null, 'y'), (2, null, 'z')`,
      `insert into two values ('{ "a" : 1 }', 1, 'x'), (null, 2, 'y'), ('[]', 3, 'z')`,
    ]
  ) await sql.unsafe(statement);
  const compare = () =>
    sql.begin((tx) =>
      compareTablesInTransaction(tx, { name: "t", live: '"one"', staged: '"two"' }, 9)
    );
  const found = await compare();
  assertEquals([found.onlyLive, found.onlyNew, found.changed], [2, 1, 0]);
  assertEquals([found.columnsOnlyLive, found.columnsOnlyNew], [["gone"], ["come"]]);
  assertEquals(
    found.rows.map(({ kind, columns }) => [kind, columns.find(({ column }) => column === "id")]),
    [
      ["only live", { column: "id", live: "2", new: null }],
      ["only new", { column: "id", live: null, new: "3" }],
    ],
  );
  const alone = await sql.begin((tx) =>
    compareTablesInTransaction(tx, { name: "t", live: undefined, staged: '"two"' }, 9)
  );
  assertEquals([alone.rowsLive, alone.rowsNew, alone.onlyNew], [0, 3, 3]);

  await sql`alter table two enable row level security`;
  await sql`alter table two force row level security`;
  const role = `owner_${crypto.randomUUID().slice(0, 8)}`;
  await sql.unsafe(`create role ${role}`);
  try {
    await sql.unsafe(`alter table two owner to ${role}`);
    await sql.unsafe(`grant select on one to ${role}`);
    await assertRejects(
      () =>
        sql.begin(async (tx) => {
          await tx.unsafe(`set local role ${role}`);
          await compareTablesInTransaction(tx, { name: "t", live: '"one"', staged: '"two"' }, 9);
        }),
      Error,
      "row-level security",
    );
  } finally {
    await sql.unsafe(`drop owned by ${role}`);
    await sql.unsafe(`drop role ${role}`);
  }
});
