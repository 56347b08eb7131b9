/** A rebuild waits out what the roles wait out: cut connections and servers that are away, on real Kafka and Postgres. */
import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { formatPartition } from "../../src/engine/core/record.ts";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { openLogSource } from "../../src/engine/kafka/log_source.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { holdRebuild } from "../../src/engine/projection/hold_rebuild.ts";
import type { LogSource } from "../../src/engine/projection/log_source.ts";
import {
  rebuildProjection,
  type RebuildReport,
} from "../../src/engine/projection/rebuild_projection.ts";
import type { RebuildProgress } from "../../src/engine/projection/replay_and_swap.ts";
import { rebuild as rebuildWith } from "../../src/engine/projection/rebuild.ts";
import { dropOldTables, rollback } from "../../src/engine/projection/rollback.ts";
import { RebuildReplacedError } from "../../src/engine/projection/staging.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { cutProxy } from "./projection_cut_proxy.ts";
import { databaseWith } from "./projection_database.ts";
import { followToEnd } from "./projection_follow.ts";
import { kafkaLog, orderRecords } from "./projection_kafka_log.ts";
import { MemoryLog } from "./projection_memory_log.ts";
import { placed, topics } from "./projection_order_records.ts";
import { dumpViews } from "./projection_tables.ts";
import { services } from "../support/services.ts";

const bounds = { recordsMax: 20, bytesMax: 1_000_000 };
const backoff = { firstMs: 10, waitMsMax: 50 };

function rebuild(
  sql: Sql,
  source: LogSource,
  projection: ReturnType<typeof orderViews>,
  onProgress?: (progress: RebuildProgress) => void,
): Promise<RebuildReport> {
  return rebuildProjection({ sql, source, dedupe: "position", bounds, backoff }, {
    projection,
    signal: AbortSignal.timeout(60_000),
    onProgress,
  });
}

function memoryLog(orders: number): MemoryLog {
  const log = new MemoryLog(2, Object.values(topics));
  for (let i = 0; i < orders; i++) {
    log.append(placed({ orderId: `o${i}`, userId: `u${i % 7}`, partition: i % 2 }));
  }
  return log;
}

Deno.test("a rebuild goes on through an outage of Postgres at any step", async () => {
  const projection = orderViews(topics);
  await using database = await databaseWith(projection);
  const log = memoryLog(100);
  await followToEnd({ sql: database.sql, projection, log });
  const live = await dumpViews(database.sql);
  await using proxy = cutProxy(database.url);
  await using through = openDatabase(proxy.url, { connectionsMax: 6, applicationName: "test" });
  // Away for a moment at each question to the log and at the first reports: before, in and after every step. Once each, or
  // a step that asks many would never end.
  const met = new Set<string>();
  let away = false;
  const outage = (at: string) => {
    if (met.has(at) || away) return;
    met.add(at);
    if (met.size % 2 === 0) return proxy.cut();
    away = true;
    proxy.down();
    setTimeout(() => {
      proxy.up();
      away = false;
    }, 20);
  };
  const source: LogSource = {
    partitions: (topic) => (outage(`partitions ${topic}`), log.partitions(topic)),
    range: (partition) => (outage(`range ${formatPartition(partition)}`), log.range(partition)),
    openReader: (partition, from) => (
      outage(`reader ${formatPartition(partition)}`), log.openReader(partition, from)
    ),
  };
  let reports = 0;
  const onProgress = ({ phase, pass }: RebuildProgress) =>
    outage(phase === "swap" ? `swap ${pass}` : `report ${Math.min(reports++, 5)}`);
  const report = await rebuild(through.sql, source, projection, onProgress);
  assertEquals(report.partitions, 6);
  assert(met.size > 12, `${met.size} outages`);
  assertEquals(await dumpViews(database.sql), live);
  // Beside the tables that it has replaced, which are kept with their positions.
  const left = await database.sql`
    select nspname from pg_namespace where nspname like '%rebuild%'
    union all select projection from projection_positions
    where projection <> ${projection.name} and projection not like ${`${projection.name}#%`}
  `;
  assertEquals(left.length, 0);
});

/** A client that goes through the proxy, whatever address the broker gives for itself. */
function clientThrough(address: string): KafkaClient {
  const client = createKafkaClient({ brokers: [address], clientId: "test", ssl: false });
  return {
    ...client,
    cluster(options) {
      const cluster = client.cluster(options);
      const { connectionPoolBuilder: builder } = cluster as unknown as {
        connectionPoolBuilder: { build(destination?: object): Promise<unknown> };
      };
      const build = builder.build;
      builder.build = () => build();
      return cluster;
    },
  };
}

Deno.test("a rebuild goes on when the connections to Kafka die, and when Kafka is away", async () => {
  const { kafkaBrokers } = await services();
  await using log = await kafkaLog(2);
  for (let at = 0; at < 300; at += 100) await log.write(orderRecords(at, at + 100, 2));
  const projection = orderViews(log.topics);
  await using database = await databaseWith(projection);
  const { sql } = database;
  const expected = await rebuild(sql, log, projection);
  const live = await dumpViews(sql);

  await using proxy = cutProxy(`tcp://${kafkaBrokers[0]}`);
  await using source = openLogSource(clientThrough(new URL(proxy.url).host));
  let reports = 0;
  const report = await rebuild(sql, source, projection, () => {
    if (++reports === 2 || reports === 12) proxy.cut();
    if (reports !== 6) return;
    proxy.down();
    setTimeout(() => proxy.up(), 1_500);
  });
  assert(reports > 12, `${reports} reports`);
  assertEquals(report.events, expected.events);
  assertEquals(await dumpViews(sql), live);
});

Deno.test("a topic that was never there is said, and not waited for", async () => {
  const { kafkaBrokers } = await services();
  const client = createKafkaClient({ brokers: kafkaBrokers, clientId: "test", ssl: false });
  await using source = openLogSource(client);
  await assertRejects(
    () => source.partitions(`none-${crypto.randomUUID()}`),
    Error,
    "There is no topic",
  );
});

Deno.test("what is away at the start ends a rebuild, a rollback and a drop: nothing has begun that could go on", async () => {
  const { kafkaBrokers } = await services();
  const projection = orderViews(topics);
  await using database = await databaseWith(projection);
  const nowhere = `127.0.0.1:${freePort()}`;
  const signal = AbortSignal.timeout(20_000);
  const given = { projection, clientId: "test", ssl: false as const, signal };
  const withoutPostgres = {
    ...{ ...given, brokers: kafkaBrokers, databaseUrl: `postgres://onceflow@${nowhere}/onceflow` },
  };
  const withoutKafka = { ...given, brokers: [nowhere], databaseUrl: database.url };
  for (
    const [act, away] of [
      [() => rebuildWith(withoutPostgres), "Cannot reach Postgres"],
      [() => rollback(withoutPostgres), "Cannot reach Postgres"],
      [() => dropOldTables(withoutPostgres), "Cannot reach Postgres"],
      [() => rebuildWith(withoutKafka), "Cannot reach Kafka"],
      [() => rollback(withoutKafka), "Cannot reach Kafka"],
    ] as const
  ) await assertRejects(act, DependencyDownError, away);
});

Deno.test("of many rebuilds at once one ends well, and each of the others says that it was replaced", async () => {
  const projection = orderViews(topics);
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = memoryLog(200);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, () => rebuild(sql, log, projection)),
  );
  const failed = outcomes.filter((outcome) => outcome.status === "rejected");
  assert(failed.length < 4);
  for (const { reason } of failed) {
    assert(reason instanceof RebuildReplacedError, String(reason));
  }
  await followToEnd({ sql, projection, log });
  const [row] = await sql`select count(*)::int as orders from order_view`;
  assertEquals(row?.orders, 200);
});

Deno.test("a second rebuild command is refused with who is at work, until that one has ended", async () => {
  const projection = orderViews(topics);
  await using database = await databaseWith(projection);
  const hold = () =>
    holdRebuild(database.sql, database.url, projection.name, {
      backoff,
      signal: AbortSignal.timeout(30_000),
    });
  {
    await using _first = await hold();
    const error = await assertRejects(hold, Error);
    assertMatch(
      error.message,
      /at work since 20.*onceflow rebuild, process \d+ from .*pg_terminate_backend\(\d+\)/,
    );
  }
  await using _again = await hold();
});
