/** The dashboard's reader on a real Postgres; how far Kafka has come is given, so that every case can be made. */
import type { DashboardData, Known } from "../../src/app/dashboard/dashboard_data.ts";
import type { KafkaRanges } from "../../src/app/dashboard/kafka_ranges.ts";
import { checkCut } from "../../src/app/dashboard/check_cut.ts";
import { openDashboardReader } from "../../src/app/dashboard/read_dashboard.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { orderMigrations } from "../../src/app/orders/migrations.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { outboxMigrations } from "../../src/engine/outbox/migrations.ts";
import { openDatabase, type Sql } from "../../src/engine/postgres/database.ts";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { installProjection } from "../../src/engine/projection/install_projection.ts";
import { projectionMigrations } from "../../src/engine/projection/projection_schema.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { freshDatabase } from "../support/services.ts";

const topics = { orders: "orders", invoices: "invoices", dead_letters: "orders.DLQ" };

async function pipelineDatabase(): Promise<AsyncDisposable & { readonly sql: Sql }> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await freshDatabase());
  const { sql } = stack.use(
    openDatabase(url, { connectionsMax: 6, applicationName: "dashboard test" }),
  );
  await migrate(sql, [...outboxMigrations, ...orderMigrations, ...projectionMigrations]);
  const names = { orders: "orders", invoices: "invoices", deadLetters: "orders.DLQ" };
  await installProjection(sql, orderViews({ ...names, invoicingGroup: "onceflow.invoicing" }));
  const owned = stack.move();
  return { sql, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function place(sql: Sql, orderId: string): Promise<void> {
  await placeOrder(
    sql,
    { orderId, userId: "ada", amount: "10.00", currency: "EUR" },
    { topic: "orders", shards: 1, now: () => new Date("2026-05-01T12:00:00Z") },
  );
}

/** As the projector would have written it. */
async function project(
  sql: Sql,
  orderId: string,
  row: { offset: number; invoices?: number; deadLettered?: true },
): Promise<void> {
  const dead = row.deadLettered ? row.offset : null;
  await sql`
    insert into order_view (order_id, user_id, amount, currency, placed_at, placed_count,
      placed_partition, placed_offset, invoice_id, invoices_count,
      dead_letter_partition, dead_letter_offset, dead_letter_class)
    values (${orderId}, 'ada', 10.00, 'EUR', '2026-05-01T12:00:00Z', 1, 0, ${row.offset},
      ${row.invoices ? "invoice" : null}, ${row.invoices ?? 0},
      ${dead === null ? null : 0}, ${dead}, ${dead === null ? null : "PoisonError"})
  `;
}

async function foldedTo(sql: Sql, next: number): Promise<void> {
  for (const topic of Object.values(topics)) {
    await sql`
      insert into projection_positions (projection, topic, partition, next_offset, version)
      values ('order_views', ${topic}, 0, ${next}, 1)
      on conflict (projection, topic, partition) do update set next_offset = excluded.next_offset
    `;
  }
}

function ranges(given: { relay: number; worker: number; end: number }): KafkaRanges {
  return {
    at: new Date(),
    relay: [{ shard: 0, next: given.relay }],
    worker: [{ partition: 0, next: given.worker }],
    ends: Object.values(topics).map((topic) => ({
      topic,
      partition: 0,
      start: 0,
      end: given.end,
    })),
  };
}

function valueOf<T>(known: Known<T>): T {
  assert(known.known, known.known ? "" : known.reason);
  return known.value;
}

function readerOf(sql: Sql, kafkaRanges: () => Promise<KafkaRanges>) {
  let now = 0;
  return openDashboardReader({
    sql,
    kafkaRanges,
    group: () => Promise.resolve({ state: "Empty", members: [] }),
    guarantee: { name: "exactly-once", known_from: "setting" },
    topics,
    shards: 1,
    // A minute passes from one look at it to the next, so that every read is due at once.
    clock: () => now += 60_000,
  });
}

/** Reads until the data is as wanted: a read that is slow shows in one of the next. */
async function readUntil(
  reader: { read(): Promise<DashboardData> },
  isGood: (data: DashboardData) => boolean,
): Promise<DashboardData> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const data = await reader.read();
    if (isGood(data)) return data;
  }
  throw new Error("the dashboard's data never came to be as wanted");
}

Deno.test("an order below every offset of the cut that has no result is lost", async () => {
  await using database = await pipelineDatabase();
  const { sql } = database;
  for (const id of ["invoiced", "dead", "lost", "waiting-for-worker", "never-published"]) {
    await place(sql, id);
  }
  await place(sql, "waiting-for-relay");
  await project(sql, "invoiced", { offset: 0, invoices: 1 });
  await project(sql, "dead", { offset: 1, deadLettered: true });
  await project(sql, "lost", { offset: 2 });
  await project(sql, "waiting-for-worker", { offset: 3 });
  const cut = ranges({ relay: 6, worker: 3, end: 10 });

  await foldedTo(sql, 9);
  assertEquals(await checkCut(sql, "order_views", cut), undefined, "not folded up to the cut");

  await foldedTo(sql, 10);
  const found = await checkCut(sql, "order_views", cut);
  assertEquals(found?.never_settled, { orders: 1, examples: ["lost"] });
  assertEquals(found?.never_published, { orders: 1, examples: ["never-published"] });
  assertEquals(found?.billed_twice, { orders: 0, examples: [] });
});

Deno.test("an order that was published stays published when retention removes its outbox row", async () => {
  await using database = await pipelineDatabase();
  const { sql } = database;
  await place(sql, "old");
  await place(sql, "gone");
  await project(sql, "old", { offset: 0, invoices: 1 });
  await sql`delete from outbox`;
  await foldedTo(sql, 4);
  const found = await checkCut(sql, "order_views", ranges({ relay: 3, worker: 4, end: 4 }));
  assertEquals(found?.never_published, { orders: 1, examples: ["gone"] });
});

Deno.test("an order with two invoices is billed twice", async () => {
  await using database = await pipelineDatabase();
  const { sql } = database;
  await project(sql, "twice", { offset: 0, invoices: 2 });
  await foldedTo(sql, 1);
  const found = await checkCut(sql, "order_views", ranges({ relay: 0, worker: 1, end: 1 }));
  assertEquals(found?.billed_twice, { orders: 1, examples: ["twice"] });
});

Deno.test("the figures are those of the tables, and follow them", async () => {
  await using database = await pipelineDatabase();
  const { sql } = database;
  let given = ranges({ relay: 0, worker: 0, end: 0 });
  await using reader = readerOf(sql, () => Promise.resolve(given));
  await foldedTo(sql, 0);
  await place(sql, "order-1");
  const before = await readUntil(
    reader,
    ({ counts, conservation, latest_orders, lags }) =>
      counts.known && counts.value.placed === 1 && conservation.known && lags.known &&
      latest_orders.known && latest_orders.value.length === 1,
  );
  assertEquals(valueOf(before.counts), {
    placed: 1,
    published: 0,
    invoiced: 0,
    dead_lettered: 0,
    pending: 0,
  });
  assertEquals(valueOf(before.lags).relay.waiting, 1);

  await project(sql, "order-1", { offset: 0, invoices: 1 });
  await foldedTo(sql, 2);
  given = ranges({ relay: 2, worker: 2, end: 2 });
  const after = await readUntil(
    reader,
    ({ counts, lags }) =>
      counts.known && counts.value.invoiced === 1 && lags.known && lags.value.relay.waiting === 0,
  );
  assertEquals(valueOf(after.lags).projector.records, 0);
  await sql`update order_view set invoiced_at = placed_at + interval '90 ms'`;
  await place(sql, "order-2");
  const { latency, workers } = await readUntil(
    reader,
    ({ latency, workers }) => latency.known && latency.value.orders === 2 && workers.known,
  );
  assertEquals(valueOf(latency), {
    orders: 2,
    invoiced: 1,
    p50_seconds: 0.09,
    p95_seconds: 0.09,
    max_seconds: 0.09,
  });
  assertEquals(valueOf(workers).unowned, [{ partition: 0, records: 0 }]);
  const { order, outbox, topic } = await reader.find("order-1") ?? {};
  assertEquals(order?.status, "invoiced");
  assertEquals(outbox, { state: "published", position: 1 });
  assertEquals(topic, { partition: 0, offset: 0, times: 1 });
  assertEquals(await reader.find("order-3"), undefined);
});

Deno.test("while Kafka is down the tables' figures are there and the others say why not", async () => {
  await using database = await pipelineDatabase();
  await using reader = readerOf(
    database.sql,
    () => Promise.reject(new Error("connect ECONNREFUSED 10.1.2.3:9092")),
  );
  const { counts, lags, conservation } = await readUntil(
    reader,
    (data) => data.counts.known && !data.lags.known,
  );
  assert(counts.known);
  assertEquals(lags, { known: false, reason: "Kafka does not answer" });
  assert(!conservation.known);
});

Deno.test("while Postgres is down every figure says so, and nothing is thrown", async () => {
  const database = openDatabase("postgres://nobody:secret@127.0.0.1:1/none", {
    connectionsMax: 2,
    applicationName: "dashboard test",
    connectTimeoutMs: 500,
  });
  await using _closed = database;
  await using reader = readerOf(
    database.sql,
    () => Promise.resolve(ranges({ relay: 0, worker: 0, end: 0 })),
  );
  const data = await readUntil(
    reader,
    ({ counts, latest_orders }) =>
      [counts, latest_orders].every((figure) =>
        !figure.known && figure.reason.includes("cannot be reached")
      ),
  );
  assertStringIncludes(JSON.stringify(data), "postgres cannot be reached");
  assert(!JSON.stringify(data).includes("secret"));
});
