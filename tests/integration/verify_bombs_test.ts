/** Records that unpack to more than anybody may hold: flow, projector, rebuild and checker get past them and name them. */
import { checkBooks } from "../../src/tools/books.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { rebuildViews } from "../../src/app/compose/read_model.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { compression, sendBatch, sendZeros } from "../support/bombs.ts";
import { readPartition } from "../support/kafka.ts";
import { freshDatabase, services } from "../support/services.ts";

const megabyte = 1_000_000;
let orders = 0;

function order(more: Record<string, unknown> = {}) {
  const id = `order-${++orders}`;
  const event = {
    ...{ event_id: crypto.randomUUID(), order_id: id, user_id: "u", amount: "1.00" },
    ...{ currency: "EUR", occurred_at: "2026-01-31T12:00:00Z" },
  };
  return { key: id, value: JSON.stringify({ ...event, ...more }) };
}

Deno.test("the books balance around records of 600 MB, and of many at once", async () => {
  await using database = await freshDatabase();
  const { kafkaBrokers } = await services();
  const id = crypto.randomUUID();
  const config = readConfig({
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: database.url, TOPIC_PARTITIONS: "1" },
    ...{ ORDERS_TOPIC: `orders-${id}`, INVOICES_TOPIC: `invoices-${id}` },
    ...{ DEAD_LETTERS_TOPIC: `dlq-${id}`, OUTBOX_CURSOR_TOPIC: `cursor-${id}` },
  });
  await using runtime = await openRuntime(config, { applicationName: "test" });
  const topic = config.ORDERS_TOPIC;
  const zeros = (codec: 1 | 4, bytes: number, count = 1) =>
    sendZeros(kafkaBrokers, topic, codec, { bytes, count });
  const good = (more = {}) => sendBatch(kafkaBrokers, topic, compression.none, [order(more)]);

  await good();
  await zeros(compression.zstd, 600 * megabyte);
  await good();
  await zeros(compression.gzip, 70 * megabyte); // one that the checker's reader could hold
  await zeros(compression.gzip, megabyte, 70);
  await zeros(compression.zstd, 150 * megabyte, 3);
  await good();
  const large = { more: "x".repeat(4 * megabyte) };
  await sendBatch(kafkaBrokers, topic, compression.gzip, [order(large), order()]);
  await sendBatch(kafkaBrokers, topic, compression.gzip, [{
    key: "no order",
    value: "no json ".repeat(megabyte),
  }]);
  await good();

  let peak = 0;
  const timer = setInterval(() => peak = Math.max(peak, Deno.memoryUsage().rss), 50);
  const stop = new AbortController();
  const health = createHealth();
  const working = runWorker(runtime, {
    ...{ roles: ["flow", "projector"], guarantee: "exactly-once", health },
  }, stop.signal);
  const letters = await waitFor(async () => {
    const dead = await readPartition(runtime.client, config.DEAD_LETTERS_TOPIC);
    const invoices = await readPartition(runtime.client, config.INVOICES_TOPIC);
    return dead.length >= 5 && invoices.length >= 6 ? dead : undefined;
  }, { waitMsMax: 60_000 });
  assert(letters, JSON.stringify(health.ready()));
  const { sql } = runtime.database;
  const projected = await waitFor(async () => {
    const [row] = await sql`select count(invoice_id) as orders from order_view`;
    return row?.orders >= 6 ? row?.orders : undefined;
  }, { waitMsMax: 60_000 });
  assertEquals(projected, 6);
  stop.abort();
  await working;
  clearInterval(timer);
  // The bound of src/operations.md, for flow and projector in one process.
  assert(peak < 1_500 * megabyte, `${Math.round(peak / megabyte)} MB`);

  const signal = AbortSignal.timeout(120_000);
  const report = await checkBooks(config, runtime.services, { drained: false, signal });
  assertEquals(report.findings, []);
  const { records, invoiced, dead_lettered } = report.figures.foreign;
  assertEquals([invoiced, dead_lettered], [6, records - 6]);
  const named = report.foreign_dead_letters ?? [];
  assertEquals(named.filter((line) => line.includes("UnreadableBatchError")).length, 4);
  assertStringIncludes(named.join("\n"), `${topic}-0@1: UnreadableBatchError`);

  const rebuilt = await rebuildViews(config, runtime.services, {
    ...{ allowMissingHistory: false, onProgress: () => {}, signal },
  });
  assertEquals(rebuilt.skipped, 5 + 5);
  assertEquals((await sql`select count(invoice_id) as orders from order_view`)[0]?.orders, 6);
});
