/** The API over a real Postgres: what it answers, what it writes, and what it must not write. */
import fc from "fast-check";
import { createApp } from "../../src/app/http/create_app.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { customerTotals, orderView } from "../../src/app/orders/view_tables.ts";
import { assert, assertEquals, assertExists, assertLess } from "../support/assert.ts";
import { outboxDatabase } from "./outbox_database.ts";

async function api() {
  await using stack = new AsyncDisposableStack();
  const db = stack.use(await outboxDatabase());
  await db.sql.unsafe(orderView.ddl("order_view"));
  await db.sql.unsafe(customerTotals.ddl("customer_totals"));
  const faults: unknown[] = [];
  const app = createApp({
    sql: db.sql,
    topic: "orders",
    shards: 1,
    onFault: (error) => faults.push(error),
  });
  const owned = stack.move();
  return { app, db, sql: db.sql, faults, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

type Api = Awaited<ReturnType<typeof api>>;

function post({ app }: Api, body: unknown, headers: Record<string, string> = {}) {
  return app.request("/orders", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function written({ sql }: Api): Promise<number> {
  const [row] = await sql`
    select (select count(*) from orders) + (select count(*) from outbox)
      + (select count(*) from idempotency_keys) as rows
  `;
  return row?.rows;
}

Deno.test("order that is posted is answered 202 and found at once where Location says", async () => {
  await using on = await api();
  const answer = await post(on, { user_id: "u", amount: "12.34" });
  assertEquals(answer.status, 202);
  const placed = await answer.json();
  const location = answer.headers.get("location");
  assertExists(location);
  const found = await (await on.app.request(location)).json();
  assertEquals(found, { ...placed, invoice: null, dead_letter: null });
  assertEquals(found.status, "placed");
});

Deno.test("request that is repeated with its key gets the same status, bytes and Location", async () => {
  await using on = await api();
  const key = { "idempotency-key": "key-1" };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => post(on, { user_id: "u", amount: "1.50" }, key)),
  );
  const seen = await Promise.all(
    answers.map(async (answer) =>
      [answer.status, answer.headers.get("location"), await answer.text()].join(" ")
    ),
  );
  assertEquals(new Set(seen).size, 1);
  assertEquals(await written(on), 3);
  // The order of the fields and the white space do not make another request.
  const reordered = await post(on, { amount: "1.50", currency: "USD", user_id: "u" }, key);
  assertEquals(reordered.status, 202);
  const other = await post(on, { user_id: "u", amount: "1.51" }, key);
  assertEquals([other.status, (await other.json()).errors[0].field], [422, "Idempotency-Key"]);
});

Deno.test("order id that is taken is a 409 that names the field", async () => {
  await using on = await api();
  const body = { user_id: "u", amount: "1", order_id: "order-1" };
  assertEquals((await post(on, body)).status, 202);
  const again = await post(on, body);
  assertEquals([again.status, (await again.json()).errors[0].field], [409, "order_id"]);
  assertEquals(await written(on), 2);
});

Deno.test("order in a currency without a tax rate is accepted: the worker decides", async () => {
  await using on = await api();
  assertEquals((await post(on, { user_id: "u", amount: "1", currency: "XTS" })).status, 202);
});

Deno.test("order shows its invoice, or why it is a dead letter", async () => {
  await using on = await api();
  const options = { topic: "orders", shards: 1, now: () => new Date() };
  for (const orderId of ["invoiced", "dead"]) {
    await placeOrder(on.sql, { orderId, userId: "u", amount: "10", currency: "EUR" }, options);
  }
  await on.sql`
    insert into order_view (order_id, invoice_id, net, tax, gross, tax_rate, invoiced_at, invoices_count)
    values ('invoiced', 'i-1', 10.00, 1.90, 11.90, 0.19, '2026-01-31T12:00:00Z', 1)
  `;
  await on.sql`
    insert into order_view (order_id, dead_letter_reason, dead_lettered_at, dead_letter_partition, dead_letter_offset)
    values ('dead', 'there is no tax rate', '2026-01-31T12:00:00Z', 0, 1)
  `;
  const invoiced = await (await on.app.request("/orders/invoiced")).json();
  assertEquals(invoiced.status, "invoiced");
  assertEquals(invoiced.invoice, {
    invoice_id: "i-1",
    net: "10.00",
    tax: "1.90",
    gross: "11.90",
    tax_rate: "0.19",
    invoiced_at: "2026-01-31T12:00:00.000Z",
  });
  const dead = await (await on.app.request("/orders/dead")).json();
  assertEquals(dead.status, "dead-lettered");
  assertEquals(dead.dead_letter.reason, "there is no tax rate");
  const list = await (await on.app.request("/orders?user_id=u")).json();
  assertEquals(list.orders.map((order: { status: string }) => order.status).sort(), [
    "dead-lettered",
    "invoiced",
  ]);
});

Deno.test("list of orders ends with a null cursor", async () => {
  await using on = await api();
  for (let i = 0; i < 3; i++) await post(on, { user_id: "u", amount: "1" });
  const first = await (await on.app.request("/orders?user_id=u&limit=2")).json();
  assertEquals(first.orders.length, 2);
  const path = `/orders?user_id=u&limit=2&cursor=${first.next_cursor}`;
  const second = await (await on.app.request(path)).json();
  assertEquals([second.orders.length, second.next_cursor], [1, null]);
});

Deno.test("totals of a customer come from the read model, and are none for a stranger", async () => {
  await using on = await api();
  await on.sql`
    insert into customer_totals (user_id, currency, orders_count, invoices_count, amount_total, invoiced_total)
    values ('u', 'EUR', 2, 1, 20.50, 12.30), ('u', 'CHF', 1, 0, 5, 0)
  `;
  const totals = await (await on.app.request("/customers/u/totals")).json();
  assertEquals(totals, {
    user_id: "u",
    totals: [
      {
        currency: "CHF",
        orders_count: 1,
        invoices_count: 0,
        amount_total: "5",
        invoiced_total: "0",
      },
      {
        currency: "EUR",
        orders_count: 2,
        invoices_count: 1,
        amount_total: "20.50",
        invoiced_total: "12.30",
      },
    ],
  });
  const stranger = await (await on.app.request("/customers/nobody/totals")).json();
  assertEquals(stranger.totals, []);
});

Deno.test("request of any JSON is placed or refused, and what is refused writes nothing", async () => {
  await using on = await api();
  const text = fc.string({ unit: "binary", maxLength: 12 });
  const bodies = fc.oneof(
    fc.jsonValue(),
    fc.record({
      user_id: fc.oneof(text, fc.constant("u")),
      amount: fc.oneof(
        text,
        fc.constant("1.5"),
        fc.double(),
        fc.constant("1e1"),
        fc.bigInt().map(String),
      ),
      currency: fc.oneof(fc.constant("EUR"), text),
      order_id: fc.oneof(text, fc.constant("o")),
    }, { requiredKeys: [] }),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const before = await written(on);
      const answer = await post(on, body);
      await answer.body?.cancel();
      assert(answer.status === 202 || answer.status >= 400, `status ${answer.status}`);
      assertLess(answer.status, 500);
      assertEquals(await written(on) - before, answer.status === 202 ? 2 : 0);
    }),
    { numRuns: 100 },
  );
  assertEquals(on.faults, []);
});

Deno.test("readiness turns false while Postgres does not answer in time", async () => {
  await using db = await outboxDatabase(1);
  const blocker = db.open("blocker", 1);
  const appFor = (readyTimeoutMs: number) =>
    createApp({ sql: db.sql, topic: "orders", shards: 1, readyTimeoutMs });
  const [patient, hasty] = [appFor(60_000), appFor(50)];
  assertEquals((await patient.request("/readyz")).status, 200);
  // The pool's only connection waits for a lock that this transaction holds.
  await blocker.begin(async (tx) => {
    await tx`lock table orders`;
    const waiting = db.sql`select count(*) from orders`.execute();
    assertEquals((await hasty.request("/readyz")).status, 503);
    tx`commit`.execute();
    await waiting;
  });
  assertEquals((await patient.request("/readyz")).status, 200);
});

Deno.test("request that Postgres leaves hanging is a 503 in bounded time", async () => {
  await using on = await api();
  const app = createApp({ sql: on.sql, topic: "orders", shards: 1, requestTimeoutMs: 50 });
  await on.db.open("blocker", 1).begin(async (tx) => {
    await tx`lock table orders in access exclusive mode`;
    const answer = await app.request("/orders/o");
    assertEquals(answer.status, 503);
    assertEquals((await answer.json()).type, "urn:onceflow:problem:timeout");
  });
});
