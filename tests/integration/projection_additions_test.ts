/** What others add to the live tables is there after a rebuild, or the rebuild refuses and lists it. */
import { HaltError } from "../../src/engine/core/errors.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import type { Projection } from "../../src/engine/projection/define_projection.ts";
import { describeTablesInTransaction } from "../../src/engine/projection/describe_tables.ts";
import { installProjection } from "../../src/engine/projection/install_projection.ts";
import {
  rebuildProjection,
  type RebuildReport,
} from "../../src/engine/projection/rebuild_projection.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { databaseWith } from "./projection_database.ts";
import { MemoryLog } from "./projection_memory_log.ts";
import { placed, topics } from "./projection_order_records.ts";

const projection = orderViews(topics);

function logOf(orders: number): MemoryLog {
  const log = new MemoryLog(1, projection.topics);
  for (let i = 0; i < orders; i++) log.append(placed({ orderId: `o${i}`, userId: `u${i % 2}` }));
  return log;
}

function rebuild(sql: Sql, more: Projection = projection, log = logOf(4)): Promise<RebuildReport> {
  return rebuildProjection({
    ...{ sql, source: log, dedupe: "position" },
    bounds: { recordsMax: 50, bytesMax: 1_000_000 },
    backoff: { firstMs: 5, waitMsMax: 20 },
  }, { projection: more, signal: AbortSignal.timeout(60_000) });
}

async function piecesOf(sql: Sql): Promise<readonly string[]> {
  const places = projection.tables.map(({ name }) => ({ schema: "public", name }));
  const pieces = await sql.begin((tx) => describeTablesInTransaction(tx, places));
  return pieces.map(({ identity }) => identity).sort();
}

/** Each on its own would be lost by dropping the table. `role` is a role of this test's own. */
const additions = (role: string) => [
  `alter table order_view enable row level security`,
  `alter table order_view force row level security`,
  `create table members (user_id text, login text)`,
  `create policy own_rows on order_view for select to ${role} using (user_id = 'u0')`,
  `create policy members_only on customer_totals as restrictive for all to public
     using (exists (select from members m where m.user_id = customer_totals.user_id)) with check (true)`,
  `create policy other_table on customer_totals for select using (user_id in (select user_id from order_view))`,
  `comment on policy own_rows on order_view is 'who sees what'`,
  `create function touched() returns trigger language plpgsql as 'begin return new; end'`,
  `create trigger audit after insert or update of status on order_view for each row
     when (new.status <> 'placed') execute function touched()`,
  `create trigger quiet before delete on customer_totals for each statement execute function touched()`,
  `alter table customer_totals disable trigger quiet`,
  `comment on trigger audit on order_view is 'for the auditors'`,
  `create rule no_truncation as on delete to order_view where old.order_id = 'never' do instead nothing`,
  `create index "By Amount" on order_view (amount desc, (lower(user_id))) include (currency) where amount > 1`,
  `create unique index on order_view (order_id, user_id) with (fillfactor = 60)`,
  `comment on index "By Amount" is 'for the reports'`,
  `alter table order_view cluster on order_view_order_id_user_id_idx`,
  `alter table customer_totals add constraint no_debts check (amount_total >= 0)`,
  `comment on constraint no_debts on customer_totals is 'agreed'`,
  `create statistics pairs (dependencies) on user_id, currency from order_view`,
  `alter table order_view set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_enabled = off)`,
  `alter table order_view alter column user_id set statistics 500, alter column dead_letter_reason set storage external`,
  `alter table order_view alter column user_id set (n_distinct = 1000)`,
  `alter table customer_totals replica identity full`,
  `grant select on order_view to ${role} with grant option`,
  `grant select (user_id, currency), update (currency) on customer_totals to ${role}`,
  `comment on table order_view is 'It''s read by the reports'`,
  `comment on column order_view.amount is 'net'`,
  `create publication ${role}_p for table order_view (order_id, status) where (status <> 'x'), customer_totals`,
];

async function addAll(sql: Sql, role: string): Promise<void> {
  for (const statement of additions(role)) await sql.unsafe(statement);
}

/** Roles belong to the whole server: this one is dropped with what it was granted. */
async function withRole(sql: Sql, work: (role: string) => Promise<void>): Promise<void> {
  const role = `reader_${crypto.randomUUID().slice(0, 8)}`;
  await sql.unsafe(`create role ${role}`);
  try {
    await work(role);
  } finally {
    await sql.unsafe(`drop owned by ${role}`);
    await sql.unsafe(`drop role ${role}`);
  }
}

Deno.test("all that was added to the live tables is there after a rebuild, and after the next one", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await withRole(sql, async (role) => {
    const bare = await piecesOf(sql);
    await addAll(sql, role);
    await sql.unsafe(`grant create on schema public to ${role}`);
    await sql.unsafe(`alter table customer_totals owner to ${role}`);
    const before = await piecesOf(sql);
    assert(before.length >= bare.length + 30, `${before.length - bare.length} pieces were added`);
    for (let times = 0; times < 2; times++) {
      const report = await rebuild(sql);
      assertEquals(await piecesOf(sql), before);
      assert(report.kept?.includes("policy own_rows of order_view"), report.kept?.join("\n"));
    }
    const seen = await sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${role}`);
      return await tx`select user_id from order_view`;
    });
    assertEquals(seen.map((row) => row.user_id), ["u0", "u0"]);
    await sql.unsafe(`alter table customer_totals owner to current_user`);
  });
});

Deno.test("nobody sees rows that a policy hides, at any moment of a rebuild", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await withRole(sql, async (role) => {
    await sql.unsafe(`alter table order_view enable row level security`);
    await sql.unsafe(
      `create policy own_rows on order_view for select to ${role} using (user_id = 'u0')`,
    );
    await sql.unsafe(`grant select on order_view to ${role}`);
    let ended = false;
    const rebuilding = (async () => {
      for (let times = 0; times < 5; times++) await rebuild(sql, projection, logOf(50));
    })().finally(() => ended = true);
    const users = new Set<unknown>();
    let reads = 0;
    while (!ended) {
      await sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${role}`);
        for (const row of await tx`select user_id from order_view`) users.add(row.user_id);
      });
      reads++;
    }
    await rebuilding;
    assert(reads > 5);
    assertEquals([...users], ["u0"]);
  });
});

Deno.test("a grant that the operator took back does not return with the new tables", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await sql.unsafe(`alter default privileges grant select on tables to public`);
  await rebuild(sql);
  const [row] = await sql`select has_table_privilege('pg_monitor', 'order_view', 'select') as open`;
  assertEquals(row?.open, false);
});

const notKept: readonly [statements: readonly string[], undo: readonly string[], named: RegExp][] =
  [
    [
      ["alter table order_view add column note text"],
      ["alter table order_view drop column note"],
      /column note of order_view/,
    ],
    [
      ["alter table order_view alter column currency set default 'EUR'"],
      ["alter table order_view alter column currency drop default"],
      /column currency of order_view/,
    ],
    [
      ["create view rich as select user_id from customer_totals"],
      ["drop view rich"],
      /view public\.rich of customer_totals/,
    ],
    [
      ["create materialized view sums as select sum(amount) from order_view"],
      ["drop materialized view sums"],
      /view public\.sums of order_view/,
    ],
    [
      ["create table notes (order_id text references order_view)"],
      ["drop table notes"],
      /foreign key notes_order_id_fkey of public\.notes of order_view/,
    ],
    [
      ["create table archive () inherits (order_view)"],
      ["drop table archive"],
      /inheritance .*archive of order_view/,
    ],
    [
      ["create function total(order_view) returns numeric language sql as 'select $1.amount'"],
      ["drop function total"],
      /dependent function public\.total\(public\.order_view\) of order_view/,
    ],
    [
      [
        "create table notes (user_id text)",
        "create policy p on notes using (exists (select from order_view v where v.user_id = notes.user_id))",
      ],
      ["drop table notes"],
      /dependent policy p on table public\.notes of order_view/,
    ],
  ];

Deno.test("a rebuild refuses to lose what it cannot keep, says what, and leaves all as it was", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  for (const [statements, undo, named] of notKept) {
    for (const statement of statements) await sql.unsafe(statement);
    const before = await piecesOf(sql);
    const error = await assertRejects(() => rebuild(sql), HaltError);
    assert(named.test(error.message), error.message);
    assertEquals(await piecesOf(sql), before);
    for (const statement of undo) await sql.unsafe(statement);
  }
  const left = await sql`select nspname from pg_namespace where nspname like 'order_views%'`;
  assertEquals(left.length, 0);
  await rebuild(sql);
});

/** Version 2: another column, an index less, a setting more. */
const newer: Projection = {
  ...projection,
  version: 2,
  tables: projection.tables.map((table) => ({
    ...table,
    ddl: (name: string) =>
      table.name === "order_view"
        ? `${
          table.ddl(name)
        }; alter table ${name} add column note text; create index on ${name} (note);
           alter table ${name} set (fillfactor = 90); comment on table ${name} is 'version 2'`
        : table.ddl(name),
  })),
};

Deno.test("a new version's own shape is no loss, forth and back, and additions stay through both", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await withRole(sql, async (role) => {
    await sql.unsafe(`create index by_user on order_view (user_id)`);
    await sql.unsafe(`alter table order_view enable row level security`);
    await sql.unsafe(
      `create policy own_rows on order_view for select to ${role} using (user_id = 'u0')`,
    );
    const before = await piecesOf(sql);
    await rebuild(sql, newer);
    const between = await piecesOf(sql);
    assert(before.every((piece) => between.includes(piece)));
    assertEquals(between.length, before.length + 4);
    const report = await rebuild(sql, projection);
    assertEquals([report.replacedVersion, report.version], [2, 1]);
    assertEquals(await piecesOf(sql), before);
  });
});

Deno.test("tables of a program that noted nothing are told from what was added to them", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await sql`create index by_user on order_view (user_id)`;
  await sql`alter table order_view enable row level security`;
  const before = await piecesOf(sql);
  await sql`update projections set made_of = null, made_by = null`;
  // The new version is the first that looks: it cannot tell the index from the old version's own, but keeps the rest.
  await rebuild(sql, { ...newer, version: 2 });
  assert((await piecesOf(sql)).some((piece) => piece.includes("row-level security")));
  await rebuild(sql, projection);
  await sql`create index if not exists by_user on order_view (user_id)`;
  assertEquals(await piecesOf(sql), before);
  // A role of the same version notes it at its start.
  await sql`update projections set made_of = null, made_by = null`;
  await installProjection(sql, projection);
  const [noted] = await sql`select jsonb_array_length(made_of) as pieces from projections`;
  assertEquals(noted?.pieces, before.length - 2);
  await rebuild(sql);
  assertEquals(await piecesOf(sql), before);
});

Deno.test("an index that the rows do not fit stops the rebuild before the swap", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await sql`create unique index one_each on order_view (user_id)`;
  const error = await assertRejects(() => rebuild(sql), HaltError);
  assertStringIncludes(error.message, "index one_each of order_view");
  await sql`drop index one_each`;
  await rebuild(sql);
});

Deno.test("a live table that was dropped by hand comes back with a rebuild", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const before = await piecesOf(sql);
  await sql`drop table customer_totals`;
  await rebuild(sql);
  assertEquals(await piecesOf(sql), before);
});

Deno.test("a fold that writes other tables is refused by a rebuild, before it has done so again", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await sql`create table mails (order_id text)`;
  const mailing: Projection = {
    ...projection,
    async apply(tx, events, table) {
      await projection.apply(tx, events as never, table);
      await tx`insert into mails values ('thank you')`;
    },
  };
  const error = await assertRejects(() => rebuild(sql, mailing), HaltError);
  assertStringIncludes(error.message, "public.mails");
  const [row] = await sql`select count(*)::int as mails from mails`;
  assertEquals(row?.mails, 0);
});
