/** What an operator sees of lanes and relay: lag, dead letters, and who holds rows back; each in a namespace of its own. */
import {
  createObservability,
  observeHorizon,
  watchFigures,
  workerObservers,
} from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { groupsOf } from "../../src/app/compose/roles.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { type RelayWatcher, watchRelays } from "../../src/engine/outbox/watch_relays.ts";
import { readConfig } from "../../src/config.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { openRecordLog } from "../../src/engine/dead_letters/kafka_record_log.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { produce, record } from "../support/kafka.ts";
import { readExposition } from "../support/prometheus_text.ts";
import { freshDatabase, services } from "../support/services.ts";

async function setUp(databaseUrl: string) {
  const { kafkaBrokers } = await services();
  const id = crypto.randomUUID();
  const config = readConfig({
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: databaseUrl },
    ...{ NAMESPACE: `figures-${id}`, TOPIC_PARTITIONS: "1" },
  });
  return { config, runtime: await openRuntime(config, { applicationName: "figures" }) };
}

const order = { userId: "u", amount: "1.00", currency: "USD" };

async function until(condition: () => boolean | Promise<boolean>, what: () => string) {
  const signal = AbortSignal.timeout(60_000);
  while (!await condition()) {
    await delay(50, signal).catch(() => {
      throw new Error(what());
    });
  }
}

async function keyOf(sql: Sql): Promise<string> {
  const [row] = await sql<{ key: string }[]>`select key from outbox`;
  return row?.key ?? "";
}

Deno.test("lag is 0 behind the last marker, dead letters count by class, and series go with their lane", async () => {
  await using database = await freshDatabase();
  const { config, runtime: opened } = await setUp(database.url);
  await using runtime = opened;
  const observability = createObservability();
  const stop = new AbortController();
  const working = runWorker(runtime, {
    ...{ roles: ["relay", "flow", "projector"], guarantee: "exactly-once" },
    health: observability.health,
    observers: workerObservers(observability),
    figures: watchFigures(observability, groupsOf(config)),
  }, stop.signal);
  const topic = config.ORDERS_TOPIC;
  assertEquals(topic, `${config.NAMESPACE}.orders`);
  await produce(runtime.client, [record(topic, 0, "k", "not an order")]);
  await placeOrder(runtime.database.sql, order, { topic, shards: 1, now: () => new Date() });
  let body = "";
  const lags = () =>
    body.split("\n").filter((line) => line.startsWith("onceflow_lag_records{")).sort();
  const seen = async () => {
    ({ body } = await observability.metrics.expose());
    return lags().filter((line) => line.includes(`topic="${topic}"`) && line.endsWith(" 0"))
          .length === 2 &&
      /onceflow_records_total\{[^}]*outcome="processed"\} 1/.test(body) &&
      /onceflow_outbox_oldest_unpublished_seconds\{shard="0"\} 0\n/.test(body);
  };
  await until(seen, () => `not seen:\n${body}`);
  assertEquals(
    body.match(/onceflow_dead_letters_total\{.*/g)?.map((line) => line.split(" ")[1]),
    ["1"],
  );
  assertEquals(observability.health.ready().ready, true);
  for (const group of ["invoicing", "projector"]) {
    assertStringIncludes(body, `onceflow_lag_records{group="${config.NAMESPACE}.${group}"`);
  }
  const { relay, invoicing } = groupsOf(config);
  const cursor = { topic: config.OUTBOX_CURSOR_TOPIC, partition: 0 };
  await using log = openRecordLog(runtime.client);
  const committed = await Promise.all([
    log.committedOffset(relay, cursor),
    log.committedOffset(invoicing, { topic, partition: 0 }),
  ]);
  assertEquals(committed.every(({ offset }) => offset > 0), true);
  assertEquals(await log.partitionCount(`${config.NAMESPACE}.lanes`), 1);
  stop.abort();
  await working;
  ({ body } = await observability.metrics.expose());
  assertEquals(lags(), []);
});

Deno.test("rows that wait make the relay not ready, and who holds them back is named", async () => {
  await using database = await freshDatabase();
  const { config, runtime: opened } = await setUp(database.url);
  await using runtime = opened;
  const { sql } = runtime.database;
  const health = createHealth();
  const ages: number[] = [];
  const [holding, release] = [Promise.withResolvers<number>(), Promise.withResolvers<void>()];
  const held = sql.begin(async (tx) => {
    await tx`select pg_current_xact_id()`;
    const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    holding.resolve(row?.pid ?? 0);
    await release.promise;
  });
  const stop = new AbortController();
  let comesOn = false;
  const figures = {
    backlog(shard: number, { oldestSeconds }: { oldestSeconds: number }) {
      ages.push(oldestSeconds);
      if (comesOn) observer.relayed({ shard, rows: 1, position: 0, oldestAt: new Date(), ms: 1 });
    },
  };
  const { observer, run }: RelayWatcher = watchRelays({
    ...{ sql, health, figures, intervalMs: 20, standsMsMax: 50 },
  });
  const running = run(stop.signal);
  const check = () => health.ready().checks.find(({ name }) => name === "relay:0");
  const untilOk = (ok: boolean) =>
    until(() => check()?.ok === ok, () => JSON.stringify(health.ready()));
  const observability = createObservability();
  observeHorizon(observability, sql);
  const horizonAge = async () => {
    const { body } = await observability.metrics.expose();
    const found = body
      .match(/^onceflow_outbox_horizon_age_seconds (\S+)$/m);
    return Number(found?.[1]);
  };
  try {
    const pid = await holding.promise;
    const where = { topic: config.ORDERS_TOPIC, shards: 1, now: () => new Date() };
    await placeOrder(sql, order, where);
    observer.leading(0, true);
    observer.stands(0, { position: 0, holds: [] });
    observer.waiting(0);
    await untilOk(false);
    const said = () => check()?.detail ?? "";
    // Others on this server may write for a moment, too.
    const ours = new RegExp(`a transaction of pid ${pid} \\(.*idle in transaction`);
    await until(() => ours.test(said()), said);
    let holder = "";
    await until(async () => {
      const { body } = await observability.metrics.expose();
      assertEquals(readExposition(body).objections, []);
      holder = body.match(/^onceflow_outbox_horizon_holder_info\{.*/m)?.[0] ?? "";
      return holder.includes(`pid="${pid}"`);
    }, () => holder);
    assertStringIncludes(holder, 'state="idle in transaction"');
    const age = await horizonAge();
    assertEquals(age > 0.05, true, `${age}`);
    await until(async () => await horizonAge() > age, () => "the age does not grow");
    // It comes on, though old rows wait: a backlog after an outage is no reason.
    comesOn = true;
    await untilOk(true);
    const looks = ages.length;
    await until(() => ages.length > looks + 5, () => "no further look");
    assertEquals(check()?.ok, true);
    assertEquals((ages.at(-1) ?? 0) > 0.05, true);
    comesOn = false;
    await untilOk(false);
    // What is away is said by whoever meets it, and the time without it does not count.
    observer.outage(0);
    await untilOk(true);
    observer.stands(0, { position: 0, holds: [] });
    await untilOk(false);
    // Another process leads now.
    observer.leading(0, false);
    await untilOk(true);
  } finally {
    release.resolve();
    stop.abort();
    await Promise.all([held, running]);
  }
});

/** A pipeline of its own with one order, whose row nobody has published. */
async function placedOrder() {
  await using opening = new AsyncDisposableStack();
  const database = opening.use(await freshDatabase());
  const { config, runtime } = await setUp(database.url);
  const { sql } = opening.use(runtime).database;
  const topic = config.ORDERS_TOPIC;
  await placeOrder(sql, order, { topic, shards: 1, now: () => new Date() });
  const opened = opening.move();
  return { sql, topic, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

Deno.test("a relay that begins where it left off is not blamed for rows that are published", async () => {
  await using placed = await placedOrder();
  const { sql } = placed;
  const [{ position } = { position: -1 }] = await sql<{ position: number }[]>`
    select max(position)::int as position from outbox
  `;
  const health = createHealth();
  const ages: number[] = [];
  const stop = new AbortController();
  const { observer, run } = watchRelays({
    ...{ sql, health, intervalMs: 20, standsMsMax: 50 },
    figures: { backlog: (_, { oldestSeconds }) => void ages.push(oldestSeconds) },
  });
  observer.leading(0, true);
  observer.stands(0, { position, holds: [] });
  const running = run(stop.signal);
  await until(() => ages.length > 10, () => "no look");
  assertEquals(new Set(ages), new Set([0]));
  assertEquals(health.ready().ready, true);
  observer.stands(0, { position, holds: [{ topic: "another", after: 0 }] });
  const looks = ages.length;
  await until(() => ages.length > looks + 2, () => "no further look");
  assertEquals(ages.at(-1), 0);
  for (const key of [{}, { key: await keyOf(sql) }]) {
    const before = ages.length;
    observer.stands(0, { position, holds: [{ topic: placed.topic, ...key, after: 0 }] });
    await until(() => ages.length > before + 2, () => "no further look");
    assertEquals((ages.at(-1) ?? 0) > 0, true, "what is held back waits, too");
  }
  stop.abort();
  await running;
});

Deno.test("a relay is not blamed for the time in which its process was frozen", async () => {
  await using placed = await placedOrder();
  const { sql } = placed;
  const health = createHealth();
  const stop = new AbortController();
  let [looks, frozenMs] = [0, 0];
  const { observer, run } = watchRelays({
    ...{ sql, health, intervalMs: 20, now: () => performance.now() + frozenMs },
    figures: { backlog: () => void looks++ },
  });
  observer.leading(0, true);
  observer.stands(0, { position: 0, holds: [] });
  const running = run(stop.signal);
  await until(() => looks > 1, () => "no look");
  frozenMs = 60_000;
  const before = looks;
  await until(() => looks > before + 2, () => "no further look");
  assertEquals(health.ready().ready, true, JSON.stringify(health.ready()));
  stop.abort();
  await running;
});
