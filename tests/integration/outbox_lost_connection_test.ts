/** What becomes of statements, transactions and the pool when connections are lost under load. */
import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { openDatabase, type Sql } from "../../src/engine/postgres/database.ts";
import { translatingErrors } from "../../src/engine/postgres/translate_error.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
} from "../support/assert.ts";
import { outboxDatabase } from "./outbox_database.ts";
import { cutProxy } from "./projection_cut_proxy.ts";

const connectionsMax = 3;

/** Ends every session of the pool named `victim` and waits until the server has let go of them. */
async function terminateAll(killer: Sql): Promise<number> {
  const ended = await killer`
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where application_name = 'victim' and datname = current_database()
  `;
  return ended.length;
}

/** Every place of the pool is of use again; one that is still connecting gets another look. */
async function untilAllServe(pool: Sql): Promise<void> {
  let sessions = 0;
  for (let look = 0; look < 50 && sessions < connectionsMax; look++) {
    const pids = await Promise.all(
      Array.from({ length: connectionsMax }, async () => {
        const [row] = await pool`select pg_backend_pid() as pid, pg_sleep(0.1)`;
        return row?.pid;
      }),
    );
    sessions = new Set(pids).size;
  }
  assertEquals(sessions, connectionsMax);
}

Deno.test("pool that loses all connections under load answers every statement and goes on", async () => {
  await using db = await outboxDatabase(1);
  const victim = db.open("victim", connectionsMax);
  const stop = new AbortController();
  let answered = 0;
  let failed = 0;
  let wrong = 0;
  // Far more statements than connections, each repeated at once when it fails: so some are sent on a connection
  // between its error and its close.
  const clients = Array.from({ length: 40 }, async (_, client) => {
    while (!stop.signal.aborted) {
      try {
        const [row] = await victim`select ${client}::int as client, pg_sleep(0.002)`;
        if (row?.client !== client) wrong++;
        answered++;
      } catch {
        failed++;
      }
    }
  });
  for (let round = 0; round < 5; round++) {
    const before = answered;
    while (answered < before + 100) await db.sql`select 1`;
    assertGreater(await terminateAll(db.sql), 0);
  }
  const before = answered;
  while (answered < before + 100) await db.sql`select 1`;
  stop.abort();
  await Promise.all(clients);
  assertGreater(failed, 0);
  assertEquals(wrong, 0, "no statement got the answer of another");
  await untilAllServe(victim);
});

Deno.test("first statement after a lost connection does not fail with the loss of the one before", async () => {
  await using db = await outboxDatabase(1);
  const victim = db.open("victim", 1);
  for (let round = 0; round < 3; round++) {
    const [row] = await victim`select pg_backend_pid() as pid`;
    const inFlight = victim`select pg_sleep(20)`.execute();
    inFlight.catch(() => {});
    await terminateAll(db.sql);
    await assertRejects(async () => await inFlight);
    const [next] = await victim`select pg_backend_pid() as pid`;
    assert(next?.pid !== row?.pid);
  }
});

Deno.test("pool that lost a connection within a statement closes without waiting", async () => {
  await using db = await outboxDatabase(1);
  const lost = openDatabase(db.url, { connectionsMax: 1, applicationName: "victim" });
  await lost.sql`select 1`;
  const inFlight = lost.sql`select pg_sleep(20)`.execute();
  inFlight.catch(() => {});
  await terminateAll(db.sql);
  await assertRejects(async () => await inFlight);
  const start = performance.now();
  await lost.close(10_000);
  assertLess(performance.now() - start, 5_000);
});

Deno.test("transaction that lost its connection sends nothing into the session that replaced it", async () => {
  await using db = await outboxDatabase(1);
  const victim = db.open("victim", 1);
  await db.sql`create table said (what text)`;
  const lost = Promise.withResolvers<void>();
  const replaced = Promise.withResolvers<void>();
  const outcome = victim.begin(async (tx) => {
    await tx`insert into said values ('within the transaction')`;
    const inFlight = tx`select pg_sleep(20)`.execute();
    inFlight.catch(() => {});
    await terminateAll(db.sql);
    await assertRejects(async () => await inFlight);
    lost.resolve();
    await replaced.promise;
    await tx`insert into said values ('after the loss')`;
  });
  outcome.catch(() => {});
  await lost.promise;
  await victim`select 1`; // The pool's only place has a new session now.
  replaced.resolve();
  await assertRejects(async () => await outcome);
  await victim`select 1`;
  assertEquals((await db.sql`select what from said`).length, 0);
});

/** Resolves when the server works on a statement that sleeps. */
async function untilSleeping(sql: Sql): Promise<void> {
  while (true) {
    const found = await sql`
      select from pg_stat_activity
      where datname = current_database() and state = 'active' and query = 'select pg_sleep(20)'
    `;
    if (found.length > 0) return;
  }
}

Deno.test("transaction goes on in the turn in which another connection of its pool is lost", async () => {
  await using db = await outboxDatabase(1);
  await using proxy = cutProxy(db.url);
  await using pool = openDatabase(proxy.url, { connectionsMax: 2, applicationName: "victim" });
  const rows = await pool.sql.begin(async (tx) => {
    await tx`select 1`;
    const other = pool.sql`select pg_sleep(20)`.execute();
    other.catch(() => {});
    await untilSleeping(db.sql);
    proxy.cut("last");
    await assertRejects(async () => await other, Error, "CONNECTION_CLOSED");
    return await tx.savepoint((scope) => scope`select 1 as one`);
  });
  assertEquals(rows[0]?.one, 1);
});

Deno.test("transaction that goes on in the turn of its loss sends nothing into the session that comes next", async () => {
  await using db = await outboxDatabase(1);
  await using proxy = cutProxy(db.url);
  await using pool = openDatabase(proxy.url, { connectionsMax: 1, applicationName: "victim" });
  await db.sql`create table said (what text)`;
  let next: Promise<unknown> | undefined;
  const outcome = pool.sql.begin(async (tx) => {
    const inFlight = tx`select pg_sleep(20)`.execute().then(() => undefined, ({ code }) => code);
    // It waits for the connection, and gets its successor within the turn of the loss.
    next = pool.sql.begin(async (other) => {
      await other`insert into said values ('by the next')`;
      await db.sql`select pg_sleep(0.1)`;
    });
    await untilSleeping(db.sql);
    proxy.cut("last");
    // Before the driver's own word of the loss has come through.
    assertEquals(await inFlight, "CONNECTION_CLOSED");
    const said = (what: string) => tx`insert into said values (${what})`;
    await Promise.allSettled([said("after the loss"), tx.savepoint(() => said("in a savepoint"))]);
  });
  await assertRejects(async () => await outcome, Error, "CONNECTION_CLOSED");
  await next;
  assertEquals((await db.sql`select what from said`).map(({ what }) => what), ["by the next"]);
});

Deno.test("server that accepts and hangs up at once is given up in bounded time", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hangingUp = (async () => {
    for await (const connection of listener) connection.close();
  })();
  await using database = openDatabase(
    `postgres://nobody@127.0.0.1:${listener.addr.port}/none`,
    { connectionsMax: 1, applicationName: "test", connectTimeoutMs: 300 },
  );
  for (let attempt = 0; attempt < 2; attempt++) {
    await assertRejects(
      () => translatingErrors(() => database.sql`select 1`),
      DependencyDownError,
    );
  }
  await database.close();
  listener.close();
  await hangingUp;
});

Deno.test("server that accepts and says nothing is given up in bounded time", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const silent = (async () => {
    for await (const connection of listener) held.push(connection);
  })();
  await using database = openDatabase(
    `postgres://nobody@127.0.0.1:${listener.addr.port}/none`,
    { connectionsMax: 1, applicationName: "test", connectTimeoutMs: 300 },
  );
  await assertRejects(() => translatingErrors(() => database.sql`select 1`), DependencyDownError);
  await database.close();
  for (const connection of held) connection.close();
  listener.close();
  await silent;
});
