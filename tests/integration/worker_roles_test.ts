/** A role that halts does not take the others along, and a database stays with its namespace. */
import { auditOf } from "../../src/app/compose/audited.ts";
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import type { Role } from "../../src/app/compose/roles.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { describeTopics } from "../../src/engine/kafka/describe_topics.ts";
import { readPartition, testClient } from "../support/kafka.ts";
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

Deno.test("another namespace over the same topics halts every role and every deed, and both ways out work", async () => {
  await using database = await freshDatabase();
  const { kafkaBrokers } = await services();
  const id = crypto.randomUUID();
  const inNamespace = (name: string) =>
    readConfig({
      ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: database.url },
      ...{ ORDERS_TOPIC: `orders-${id}`, INVOICES_TOPIC: `invoices-${id}` },
      ...{ DEAD_LETTERS_TOPIC: `dlq-${id}`, NAMESPACE: `${name}-${id}`, TOPIC_PARTITIONS: "1" },
    });
  const [blue, green] = [inNamespace("blue"), inNamespace("green")];
  const open = (config: Config) => openRuntime(config, { applicationName: "test" });
  /** Works until the flow has taken so many orders, and answers with all invoices that there are then. */
  const invoices = async (config: Config, roles: readonly Role[], orders: number) => {
    await using runtime = await open(config);
    if (roles.includes("relay")) {
      const order = { userId: "u", amount: "1.00", currency: "USD" };
      const where = { topic: config.ORDERS_TOPIC, shards: 1, now: () => new Date() };
      for (let i = 0; i < orders; i++) await placeOrder(runtime.database.sql, order, where);
    }
    const stop = new AbortController();
    let taken = 0;
    const committed = ({ records }: { readonly records: number }) => {
      if ((taken += records) === orders) stop.abort();
    };
    await runWorker(runtime, {
      ...{ roles, guarantee: "exactly-once", observers: { lane: { committed } } },
    }, stop.signal);
    return (await readPartition(runtime.client, config.INVOICES_TOPIC)).length;
  };
  assertEquals(await invoices(blue, ["relay", "flow"], 2), 2);
  const { message } = await assertRejects(() => open(green), HaltError, "NAMESPACE=green");
  const deed = { action: "dlq redrive", target: green.DEAD_LETTERS_TOPIC, detail: {} };
  const never = () => Promise.reject(new Error("done all the same"));
  const own = { databaseUrl: database.url };
  await assertRejects(() => auditOf(green, own)(deed, never), HaltError, "NAMESPACE=green");

  const [, back = ""] = /Set NAMESPACE=(\S+) back/.exec(message) ?? [];
  assertEquals(back, blue.NAMESPACE);
  assertEquals(await invoices(blue, ["relay", "flow"], 1), 3);
  // Only now: what went on beside the refusal has had its time.
  assertEquals(await exists(green.OUTBOX_CURSOR_TOPIC), false, "a refused start makes nothing");

  const [, statement = ""] = /in Postgres: (insert .*?'\))/.exec(message) ?? [];
  {
    await using runtime = await open(blue);
    await runtime.database.sql.unsafe(statement);
  }
  // On purpose: a group that begins anew, beside the other.
  assertEquals(await invoices(green, ["flow"], 3), 6);
  assertEquals(await invoices(blue, ["relay", "flow"], 1), 7);
});

async function exists(topic: string): Promise<boolean> {
  const cluster = (await testClient()).cluster();
  try {
    const [found] = await describeTopics(cluster, [topic]);
    return found?.errorCode === 0;
  } finally {
    await cluster.disconnect();
  }
}
