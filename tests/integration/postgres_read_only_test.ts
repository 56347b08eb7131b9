/** A server that takes no writes, as after a failover: the pool does not stay with it, and no relay works there. */
import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { relayStore } from "../../src/engine/outbox/relay_store.ts";
import { openAdvisoryLock } from "../../src/engine/postgres/advisory_lock.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { whyNoWrites } from "../../src/engine/postgres/takes_writes.ts";
import { withTransaction } from "../../src/engine/postgres/with_transaction.ts";
import { assertEquals, assertNotEquals, assertRejects } from "../support/assert.ts";
import { services } from "../support/services.ts";
import { outboxDatabase } from "./outbox_database.ts";

/** A database whose sessions take no writes while `readOnly` says so; those that are open stay as they were opened. */
async function demotable() {
  await using stack = new AsyncDisposableStack();
  const db = stack.use(await outboxDatabase(1));
  const { databaseUrl } = await services();
  const admin = stack.use(
    openDatabase(databaseUrl, { connectionsMax: 1, applicationName: "admin" }),
  ).sql;
  const name = new URL(db.url).pathname.slice(1);
  const readOnly = (on: boolean) =>
    admin.unsafe(`alter database ${name} set default_transaction_read_only = ${on ? "on" : "off"}`);
  await readOnly(true);
  const owned = stack.move();
  return { db, readOnly, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const order = { userId: "u", amount: "1.00", currency: "EUR" };
const takesNone = "Postgres takes no writes";
const where = { topic: "t", shards: 1, now: () => new Date() };

Deno.test("a connection that takes no writes is thrown away, in a transaction too", async () => {
  await using server = await demotable();
  const sql = server.db.open("victim", 1);
  const pid = async () => (await sql`select pg_backend_pid() as pid`)[0]?.pid;
  const before = await pid();
  await assertRejects(() => placeOrder(sql, order, where), DependencyDownError, "read-only");
  const between = await pid();
  assertNotEquals(between, before);
  await assertRejects(
    () => withTransaction(sql, (tx) => tx`update tax_rates set rate = 0`),
    DependencyDownError,
    "read-only",
  );
  assertNotEquals(await pid(), between);
  // The primary is where the address leads now.
  await server.readOnly(false);
  await assertRejects(() => placeOrder(sql, order, where), DependencyDownError, "read-only");
  assertEquals((await placeOrder(sql, order, where)).kind, "placed");
  const kept = await pid();
  assertEquals((await placeOrder(sql, order, where)).kind, "placed");
  assertEquals(await pid(), kept);
});

Deno.test("what was sent behind a refused write goes to another connection", async () => {
  await using server = await demotable();
  const sql = server.db.open("victim", 1);
  for (let round = 0; round < 3; round++) {
    const [refused, question, one] = await Promise.allSettled([
      sql`insert into tax_rates select from tax_rates`.execute(),
      whyNoWrites(sql),
      sql`select 1::int as one`.execute(),
    ]);
    assertEquals(refused.status === "rejected" && refused.reason.code, "25006");
    assertEquals(question.status === "fulfilled" && question.value?.split(",")[0], takesNone);
    assertEquals(one.status === "fulfilled" && one.value[0]?.one, 1);
  }
});

Deno.test("a write that is refused takes no transaction along that has ended before it", async () => {
  await using server = await demotable();
  const sql = server.db.open("victim", 1);
  for (let round = 0; round < 3; round++) {
    // So many at once that the answers come while the driver is still writing.
    const given = Array.from(
      { length: 50 },
      (_, at) =>
        at % 25 === 0
          ? withTransaction(sql, async (tx) => void await tx`select 1`).then(() => "read")
          : sql`insert into tax_rates select from tax_rates`.execute()
            .then(() => "written", ({ code }) => code),
    );
    const answers = Map.groupBy(await Promise.all(given), (answer) => answer);
    assertEquals([answers.get("read")?.length, answers.get("25006")?.length], [2, 48]);
  }
});

Deno.test("no relay begins on a server that takes no writes, and it does as soon as that takes them", async () => {
  await using server = await demotable();
  const place = { shard: 0, groupId: "relay", cursorTopic: "cursor" };
  const store = relayStore(server.db.open("relay", 1), place);
  const begin = () => store.check({ offset: -1, metadata: "" });
  await assertRejects(begin, DependencyDownError, "takes no writes");
  await server.readOnly(false);
  assertEquals((await begin()).after, 0);
});

Deno.test("nobody leads on a server that takes no writes", async () => {
  await using server = await demotable();
  await using lock = openAdvisoryLock(server.db.url, { classId: 7, objectId: 7 }, {
    applicationName: "lock",
  });
  await assertRejects(() => lock.tryHold(), DependencyDownError, "takes no writes");
  await assertRejects(() => lock.tryHold(), DependencyDownError, "takes no writes");
  await server.readOnly(false);
  assertEquals(await lock.tryHold(), true);
  assertEquals(await lock.tryHold(), true);
});
