/** A role that halts does not take the others along. */
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { freshDatabase, services } from "../support/services.ts";

Deno.test("tables that refuse a record halt the projector, and the relay goes on", async () => {
  await using database = await freshDatabase();
  const { kafkaBrokers } = await services();
  const id = crypto.randomUUID();
  const config = readConfig({
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: database.url },
    ...{ ORDERS_TOPIC: `orders-${id}`, INVOICES_TOPIC: `invoices-${id}` },
    ...{ DEAD_LETTERS_TOPIC: `dlq-${id}`, OUTBOX_CURSOR_TOPIC: `cursor-${id}` },
    TOPIC_PARTITIONS: "1",
  });
  await using runtime = await openRuntime(config, { applicationName: "test" });
  const { sql } = runtime.database;
  await sql`alter table order_view add constraint none check (order_id is null)`;
  const { health } = createObservability();
  const [halted, relayedTwice] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stop = new AbortController();
  let relayed = 0;
  const working = runWorker(runtime, {
    ...{ roles: ["relay", "projector"], guarantee: "exactly-once", health },
    onHalt: () => halted.resolve(),
    observers: { relay: { relayed: () => ++relayed === 2 && relayedTwice.resolve() } },
  }, stop.signal);
  const order = { userId: "u", amount: "1.00", currency: "USD" };
  const where = { topic: config.ORDERS_TOPIC, shards: 1, now: () => new Date() };
  await placeOrder(sql, order, where);
  await halted.promise;
  await placeOrder(sql, order, where);
  await relayedTwice.promise;
  const { checks } = health.ready();
  const projector = checks.find(({ name }) => name === "role:projector");
  assertEquals(projector?.ok, false);
  assertStringIncludes(projector?.detail ?? "", "order_view");
  assertEquals(checks.some(({ name }) => name === "role:relay"), false);
  stop.abort();
  await assertRejects(() => working, HaltError, "order_view");
});
