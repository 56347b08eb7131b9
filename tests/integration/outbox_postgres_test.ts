/** What the postgres room promises: transactions that survive their connection, migrations, errors in core's words. */
import { DependencyDownError, TransientError } from "../../src/engine/core/errors.ts";
import { openDatabase, type Sql, type Tx } from "../../src/engine/postgres/database.ts";
import { migrate, MigrationEditedError } from "../../src/engine/postgres/migrate.ts";
import { translatingErrors } from "../../src/engine/postgres/translate_error.ts";
import { withTransaction } from "../../src/engine/postgres/with_transaction.ts";
import { assertEquals, assertRejects, assertStringIncludes, fail } from "../support/assert.ts";
import { freshDatabase } from "../support/services.ts";
import { outboxDatabase } from "./outbox_database.ts";

async function pidOf(sql: Pick<Sql, "unsafe">): Promise<number> {
  const [row] = await sql.unsafe("select pg_backend_pid() as pid");
  return row?.pid;
}

/** Ends a session and waits until the server has let go of it. */
async function terminate(sql: Sql, pid: number): Promise<void> {
  await sql`select pg_terminate_backend(${pid}, 5000)`;
}

/** Resolves once the transaction's connection is known to be lost. */
async function untilLost(tx: Tx): Promise<void> {
  await assertRejects(async () => {
    while (true) await tx`select 1`;
  });
}

Deno.test("transaction whose connection dies between statements rejects and ends nothing else", async () => {
  await using db = await outboxDatabase(2);
  const killer = db.open("killer", 1);
  await assertRejects(
    () =>
      withTransaction(db.sql, async (tx) => {
        await terminate(killer, await pidOf(tx));
        await untilLost(tx);
        await assertRejects(async () => await tx`select 1`);
        await assertRejects(async () => await tx.unsafe("select 1"));
        // A name in a statement is none; rejected without anybody to await it, it would end the process.
        await assertRejects(async () => await tx`select 1 as ${tx("one")}`);
      }),
    DependencyDownError,
    "connection to Postgres was lost",
  );
  assertEquals((await db.sql`select 1 as one`)[0]?.one, 1);
});

Deno.test("transaction whose connection dies within a statement rejects and ends nothing else", async () => {
  await using db = await outboxDatabase(2);
  const killer = db.open("killer", 1);
  await assertRejects(
    () =>
      withTransaction(db.sql, async (tx) => {
        const pid = await pidOf(tx);
        const sleeping = tx`select pg_sleep(20)`.execute();
        sleeping.catch(() => {});
        await terminate(killer, pid);
        await assertRejects(async () => await sleeping);
        await tx.savepoint(async (inner) => {
          await inner`select 1`;
        });
      }),
    DependencyDownError,
  );
});

Deno.test("transaction that lost its connection before the commit wrote nothing and says so", async () => {
  await using db = await outboxDatabase(2);
  const killer = db.open("killer", 1);
  await assertRejects(
    () =>
      withTransaction(db.sql, async (tx) => {
        await tx`insert into tax_rates (currency, rate) values ('XXA', 0.1)`;
        await terminate(killer, await pidOf(tx));
        await untilLost(tx);
      }),
    DependencyDownError,
  );
  assertEquals((await killer`select from tax_rates where currency = 'XXA'`).length, 0);
});

Deno.test("savepoint that fails leaves its transaction usable", async () => {
  await using db = await outboxDatabase(1);
  const one = await withTransaction(db.sql, async (tx) => {
    await assertRejects(() => tx.savepoint((inner) => inner`select 1 / 0`));
    return (await tx`select 1 as one`)[0]?.one;
  });
  assertEquals(one, 1);
});

Deno.test("transaction rolls back what it did when its work throws, and throws the same", async () => {
  await using db = await outboxDatabase(1);
  const reason = new RangeError("the work's own reason");
  const thrown = await assertRejects(() =>
    withTransaction(db.sql, async (tx) => {
      await tx`insert into tax_rates (currency, rate) values ('XXB', 0.1)`;
      throw reason;
    })
  );
  assertEquals(thrown, reason);
  assertEquals((await db.sql`select from tax_rates where currency = 'XXB'`).length, 0);
});

Deno.test("refused connection is a dependency that is down, and no message shows the password", async () => {
  const url = "postgres://someone:pass@word@127.0.0.1:1/nowhere";
  await using database = openDatabase(url, { connectionsMax: 1, applicationName: "test" });
  const error = await assertRejects(
    () => translatingErrors(() => database.sql`select 1`),
    DependencyDownError,
    "Cannot reach Postgres",
  );
  assertEquals(Deno.inspect(error).includes("word"), false);
  const unreadable = "postgres://someone:secret@[broken/nowhere";
  try {
    openDatabase(unreadable, { connectionsMax: 1, applicationName: "test" });
    fail("an address that cannot be read was accepted");
  } catch (error) {
    assertEquals(Deno.inspect(error).includes("secret"), false);
  }
});

Deno.test("missing schema is a dependency that is down: no record is to blame for it", async () => {
  await using fresh = await freshDatabase();
  await using database = openDatabase(fresh.url, { connectionsMax: 1, applicationName: "test" });
  await assertRejects(
    () => translatingErrors(() => database.sql`select from tax_rates`),
    DependencyDownError,
    "older than this program",
  );
});

Deno.test("a search_path without a schema is said by name, before anything is made", async () => {
  await using fresh = await freshDatabase();
  await using database = openDatabase(fresh.url, { connectionsMax: 1, applicationName: "test" });
  await database.sql`set search_path = nowhere`;
  await assertRejects(
    () => migrate(database.sql, [{ name: "a_0001", sql: "create table a ()" }]),
    DependencyDownError,
    "No schema of search_path is there",
  );
});

Deno.test("deadlock is transient: the transaction that lost may run again", async () => {
  await using db = await outboxDatabase(2);
  const bothHoldOne = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const lockBoth = (first: string, second: string, mine: 0 | 1) =>
    withTransaction(db.sql, async (tx) => {
      await tx`set local deadlock_timeout = '50ms'`;
      await tx`select from tax_rates where currency = ${first} for update`;
      bothHoldOne[mine].resolve();
      await bothHoldOne[mine === 0 ? 1 : 0].promise;
      await tx`select from tax_rates where currency = ${second} for update`;
    });
  const results = await Promise.allSettled([lockBoth("USD", "EUR", 0), lockBoth("EUR", "USD", 1)]);
  const lost = results.filter((result) => result.status === "rejected");
  assertEquals(lost.length, 1);
  assertEquals(lost[0]?.reason instanceof TransientError, true);
});

Deno.test("int8 is a number, and one beyond 2^53 is an error instead of a wrong number", async () => {
  await using db = await outboxDatabase(1);
  const [row] = await db.sql`select 9007199254740991::int8 as most, ${7n}::int8 as given`;
  assertEquals([row?.most, row?.given], [Number.MAX_SAFE_INTEGER, 7]);
  await assertRejects(async () => await db.sql`select 9007199254740993::int8`, RangeError, "int8");
});

Deno.test("migrations apply once, in order, when many processes start at once", async () => {
  await using fresh = await freshDatabase();
  const migrations = [
    { name: "one", sql: "create table first (id int); create table second (id int)" },
    { name: "two", sql: "alter table first add column later int" },
  ];
  await using stack = new AsyncDisposableStack();
  const pools = Array.from({ length: 5 }, () =>
    stack.use(
      openDatabase(fresh.url, { connectionsMax: 1, applicationName: "test" }),
    ));
  const applied = await Promise.all(pools.map(({ sql }) => migrate(sql, migrations)));
  assertEquals(applied.flat(), ["one", "two"]);
  const [sql] = pools.map((pool) => pool.sql);
  if (sql === undefined) fail("no pool");
  assertEquals(await migrate(sql, migrations), [], "a second run applies nothing");
});

Deno.test("migration that was edited after it was applied is refused, and nothing after it runs", async () => {
  await using fresh = await freshDatabase();
  await using database = openDatabase(fresh.url, { connectionsMax: 1, applicationName: "test" });
  const { sql } = database;
  await migrate(sql, [{ name: "one", sql: "create table first (id int)" }]);
  const error = await assertRejects(() =>
    migrate(sql, [
      { name: "one", sql: "create table first (id bigint)" },
      { name: "two", sql: "create table second (id int)" },
    ]), MigrationEditedError);
  assertStringIncludes(error.message, "one was applied with another text");
  assertEquals((await sql`select to_regclass('second') as found`)[0]?.found, null);
});

Deno.test("migration that fails leaves nothing of the run behind", async () => {
  await using fresh = await freshDatabase();
  await using database = openDatabase(fresh.url, { connectionsMax: 1, applicationName: "test" });
  const { sql } = database;
  const good = { name: "one", sql: "create table first (id int)" };
  await assertRejects(() => migrate(sql, [good, { name: "two", sql: "create nonsense" }]));
  assertEquals((await sql`select to_regclass('first') as found`)[0]?.found, null);
  assertEquals(await migrate(sql, [good]), ["one"]);
});
