/** Placing orders against a real Postgres: one order, one publication, one answer, however often it is asked. */
import { barrierRead } from "../../src/engine/outbox/barrier_read.ts";
import { orderPlaced } from "../../src/app/orders/events.ts";
import { deleteIdempotencyKeys } from "../../src/app/orders/delete_idempotency_keys.ts";
import { listOrders } from "../../src/app/orders/list_orders.ts";
import { placeOrder, placeOrderInTransaction } from "../../src/app/orders/place_order.ts";
import { readTaxRate, setTaxRate } from "../../src/app/orders/tax_rates.ts";
import { orderView } from "../../src/app/orders/view_tables.ts";
import type { Sql } from "../../src/engine/postgres/database.ts";
import { withTransaction } from "../../src/engine/postgres/with_transaction.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type OutboxDatabase, outboxDatabase } from "./outbox_database.ts";

const now = () => new Date("2026-01-31T12:00:00.000Z");
const options = { topic: "orders", shards: 1, now };
const order = { userId: "customer-1", amount: "12.50", currency: "EUR" };

async function countsOf(sql: Sql) {
  const [row] = await sql`
    select (select count(*) from orders) as orders, (select count(*) from outbox) as outbox,
      (select count(*) from idempotency_keys) as keys
  `;
  return { ...row };
}

Deno.test("order that is placed has one row and one publication that says the same", async () => {
  await using db = await outboxDatabase();
  const outcome = await placeOrder(db.sql, order, options);
  assert(outcome.kind === "placed");

  const [row] = await db.sql`select * from orders`;
  const read = await barrierRead(db.sql, {
    shard: 0,
    after: 0,
    limit: 10,
    waitMsMax: 30_000,
    signal: new AbortController().signal,
  });
  assert(read.kind === "rows");
  const [published] = read.rows;
  const event = orderPlaced.parse(
    JSON.parse(new TextDecoder().decode(published?.value ?? undefined)),
  );
  assertEquals(published?.key, outcome.orderId);
  assertEquals(published?.topic, "orders");
  assertEquals(published?.eventId, event.event_id);
  assertEquals(event, {
    event_id: row?.event_id,
    order_id: outcome.orderId,
    user_id: row?.user_id,
    amount: row?.amount,
    currency: row?.currency,
    occurred_at: row?.placed_at.toISOString(),
    channel: "web",
    schema_version: 2,
  });
  assertEquals(JSON.parse(outcome.response), {
    order_id: outcome.orderId,
    user_id: "customer-1",
    amount: "12.50",
    currency: "EUR",
    status: "placed",
    placed_at: "2026-01-31T12:00:00.000Z",
  });
});

Deno.test("idempotency key places one order when twenty requests carry it at once", async () => {
  await using db = await outboxDatabase();
  const request = () => placeOrder(db.sql, order, { ...options, idempotencyKey: "key-1" });
  const outcomes = await Promise.all(Array.from({ length: 20 }, request));
  assertEquals(outcomes.filter(({ kind }) => kind === "placed").length, 1);
  assertEquals(outcomes.filter(({ kind }) => kind === "replayed").length, 19);
  const answers = new Set(outcomes.map((o) => "response" in o ? o.response : o.kind));
  assertEquals(answers.size, 1, "every request gets the same bytes");
  assertEquals(await countsOf(db.sql), { orders: 1, outbox: 1, keys: 1 });
});

Deno.test("a key belongs to its client: another one with the same key places an order of its own", async () => {
  await using db = await outboxDatabase();
  const key = "k".repeat(255);
  const place = (client: string | undefined, amount: string) =>
    placeOrder(db.sql, { ...order, amount }, { ...options, idempotencyKey: key, client });
  const kinds = [];
  const clients = [undefined, "shop", "c".repeat(32)];
  for (const client of clients) kinds.push((await place(client, "1")).kind);
  for (const client of clients) kinds.push((await place(client, "1")).kind);
  kinds.push((await place("shop", "2")).kind);
  const [placed, replayed] = ["placed", "replayed"];
  assertEquals(kinds, [placed, placed, placed, replayed, replayed, replayed, "key_conflict"]);
  assertEquals((await countsOf(db.sql)).orders, 3);
});

Deno.test("idempotency key that came with another request conflicts and writes nothing", async () => {
  await using db = await outboxDatabase();
  const keyed = { ...options, idempotencyKey: "key-1" };
  await placeOrder(db.sql, order, keyed);
  const others = [
    { ...order, amount: "12.51" },
    { ...order, currency: "USD" },
    { ...order, userId: "customer-2" },
    { ...order, orderId: "order-1" },
  ];
  for (const other of others) {
    assertEquals((await placeOrder(db.sql, other, keyed)).kind, "key_conflict");
  }
  assertEquals(await countsOf(db.sql), { orders: 1, outbox: 1, keys: 1 });
});

Deno.test("idempotency key is forgotten after its time, and the order stays", async () => {
  await using db = await outboxDatabase();
  for (const key of ["old", "young"]) {
    await placeOrder(db.sql, order, { ...options, idempotencyKey: key });
  }
  await db.sql`
    update idempotency_keys set created_at = created_at - interval '49 hours' where key = 'old'
  `;
  assertEquals(await deleteIdempotencyKeys(db.sql, { olderThanHours: 48, limit: 100 }), 1);
  assertEquals(await countsOf(db.sql), { orders: 2, outbox: 2, keys: 1 });
});

Deno.test("order id that is taken is refused and writes nothing, with a key or without", async () => {
  await using db = await outboxDatabase();
  const chosen = { ...order, orderId: "order-1" };
  const outcomes = await Promise.all(
    Array.from(
      { length: 10 },
      (_, i) =>
        placeOrder(db.sql, chosen, i % 2 ? { ...options, idempotencyKey: `key-${i}` } : options),
    ),
  );
  assertEquals(outcomes.filter(({ kind }) => kind === "placed").length, 1);
  assertEquals(outcomes.filter(({ kind }) => kind === "duplicate_order").length, 9);
  const { orders, outbox, keys } = await countsOf(db.sql);
  assertEquals([orders, outbox], [1, 1]);
  assert(keys <= 1, "a refused request leaves its key free");
});

Deno.test("order placed in a caller's transaction is gone when that rolls back", async () => {
  await using db = await outboxDatabase();
  await assertRejects(() =>
    withTransaction(db.sql, async (tx) => {
      await placeOrderInTransaction(tx, order, { ...options, idempotencyKey: "key-1" });
      throw new Error("the caller changed its mind");
    })
  );
  assertEquals(await countsOf(db.sql), { orders: 0, outbox: 0, keys: 0 });
  const again = await placeOrder(db.sql, order, { ...options, idempotencyKey: "key-1" });
  assertEquals(again.kind, "placed");
});

Deno.test("orders table refuses what no order can be", async () => {
  await using db = await outboxDatabase();
  for (const amount of ["NaN", "Infinity", "-1", "0"]) {
    await assertRejects(() => placeOrder(db.sql, { ...order, amount }, options));
  }
  assertEquals(await countsOf(db.sql), { orders: 0, outbox: 0, keys: 0 });
});

Deno.test("list of orders shows each once, newest first, while others are placed", async () => {
  await using db = await outboxDatabase();
  await withView(db);
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
  for (let i = 0; i < 7; i++) {
    // Two orders share a time: the id decides between them.
    await placeOrder(db.sql, { ...order, orderId: `o${i}` }, {
      ...options,
      now: () => at(Math.floor(i / 2)),
    });
  }
  await placeOrder(db.sql, { ...order, userId: "somebody else" }, options);
  const seen: string[] = [];
  let after;
  for (let page = 0; page < 4; page++) {
    const { orders, next } = await listOrders(db.sql, { userId: "customer-1", after, limit: 2 });
    seen.push(...orders.map((shown) => shown.order_id));
    if (page === 0) {
      await placeOrder(db.sql, { ...order, orderId: "newer" }, { ...options, now: () => at(100) });
    }
    after = next;
  }
  assertEquals(seen, ["o6", "o5", "o4", "o3", "o2", "o1", "o0"]);
  assertEquals(after, undefined);
});

Deno.test("tax rate is decimal text where there is one and undefined where there is none", async () => {
  await using db = await outboxDatabase();
  assertEquals(await readTaxRate(db.sql, "EUR"), "0.19");
  assertEquals(await readTaxRate(db.sql, "XTS"), undefined);
  await setTaxRate(db.sql, "XTS", "0.5");
  assertEquals(await readTaxRate(db.sql, "XTS"), "0.5");
  await assertRejects(() => setTaxRate(db.sql, "XTS", "1.5"));
});

async function withView(db: OutboxDatabase): Promise<void> {
  await db.sql.unsafe(orderView.ddl("order_view"));
}
