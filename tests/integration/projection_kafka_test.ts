/** Projectors and rebuilds as they read real Kafka: under load, and where a topic is deleted. */
import { Kafka, logLevel } from "kafkajs";
import { HaltError } from "../../src/engine/core/errors.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import type { AppliedBatch } from "../../src/engine/projection/project_partition.ts";
import { rollbackProjection } from "../../src/engine/projection/rollback_projection.ts";
import { runProjector } from "../../src/engine/projection/run_projector.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { fetcherDefaults } from "../../src/engine/kafka/fetcher_options.ts";
import { runMembership } from "../../src/engine/kafka/membership.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import type { Projection } from "../../src/engine/projection/define_projection.ts";
import { projectionStatus } from "../../src/engine/projection/projection_status.ts";
import { rebuildProjection } from "../../src/engine/projection/rebuild_projection.ts";
import { projectPartition } from "../../src/engine/projection/project_partition.ts";
import { databaseWith } from "./projection_database.ts";
import { type KafkaLog, kafkaLog, orderRecords } from "./projection_kafka_log.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { produce } from "../support/kafka.ts";
import { deadLetter, placed } from "./projection_order_records.ts";
import { dumpViews } from "./projection_tables.ts";

const bounds = { recordsMax: 100, bytesMax: 1_000_000 };
const backoff = { firstMs: 10, waitMsMax: 100 };

/** A member of the projectors' group, until the signal fires. */
function projector(
  sql: Sql,
  log: KafkaLog,
  projection: ReturnType<typeof orderViews>,
  onApplied: () => void,
  signal: AbortSignal,
): Promise<void> {
  return runMembership(log.client, {
    groupId: `projector-${log.topics.orders}`,
    topics: projection.topics,
    sessionTimeoutMs: 6_000,
    bufferBytesMax: 1_000_000,
    fetch: fetcherDefaults,
    lane: (assignment) =>
      projectPartition(assignment, {
        sql,
        projection,
        dedupe: "position",
        bounds,
        backoff,
        onApplied,
      }),
  }, signal);
}

async function lagOf(sql: Sql, projection: Projection, source: KafkaLog): Promise<number> {
  return (await projectionStatus({ sql, projection, source })).lag;
}

Deno.test("on real Kafka, a rebuild under load and a projector that joins late count every order once", async () => {
  await using log = await kafkaLog(2);
  const projection = orderViews(log.topics);
  await using database = await databaseWith(projection);
  const { sql } = database;
  for (let at = 0; at < 1_000; at += 100) await log.write(orderRecords(at, at + 100, 2));

  const stop = new AbortController();
  const caughtUp = Promise.withResolvers<void>();
  const goal = 1_500;
  const onApplied = async () => {
    const [row] = await sql`
      select (select count(*) from order_view where user_id is not null)::int as orders,
        (select sum(invoices_count) from customer_totals)::int as invoices,
        (select count(*) from order_view where dead_letter_reason is not null)::int as dead
    `;
    if (row?.orders === goal && row.invoices + row.dead === goal) caughtUp.resolve();
  };
  const failed = (error: unknown) => caughtUp.reject(error);
  const members = [projector(sql, log, projection, onApplied, stop.signal)];
  members[0]?.catch(failed);
  const rebuilt = rebuildProjection({ sql, source: log, dedupe: "position", bounds, backoff }, {
    projection,
    signal: stop.signal,
  });
  rebuilt.catch(failed);
  for (let at = 1_000; at < goal; at += 100) {
    await log.write(orderRecords(at, at + 100, 2));
    if (at === 1_200) members.push(projector(sql, log, projection, onApplied, stop.signal));
  }
  members[1]?.catch(failed);
  const report = await rebuilt;
  await onApplied();
  await caughtUp.promise;
  stop.abort();
  await Promise.all(members);

  assertEquals(report.partitions, 6);
  const status = await projectionStatus({ sql, projection, source: log });
  assertEquals(status.findings, []);
  assertEquals(status.tables.map(({ rows }) => rows), [goal, 17]);
  const [row] = await sql`select sum(orders_count)::int as orders from customer_totals`;
  assertEquals(row?.orders, goal);

  const live = await dumpViews(sql);
  await rebuildProjection({ sql, source: log, dedupe: "position", bounds, backoff }, {
    projection,
    signal: AbortSignal.timeout(120_000),
  });
  assertEquals(await dumpViews(sql), live);
  assertEquals(await lagOf(sql, projection, log), 0);
});

Deno.test("a dead-letter topic that is deleted is waited for, and made again it adds to what was folded", async () => {
  await using log = await kafkaLog(1);
  const projection = orderViews(log.topics);
  await using database = await databaseWith(projection);
  const { sql } = database;
  const { orders, deadLetters } = log.topics;
  const health = createHealth();
  const stop = new AbortController();
  const waits = new Map<string, (text: string) => void>();
  let halted: string | undefined;
  const heard = (what: string) =>
    new Promise<string>((resolve) =>
      halted === undefined ? void waits.set(what, resolve) : resolve(halted)
    );
  const onApplied = ({ topic }: AppliedBatch) => waits.get(topic)?.("");
  const down: typeof health.down = (name, text, options) => {
    health.down(name, text, options);
    if (text.includes("was deleted")) waits.get("deleted")?.(text);
  };
  const deadOnes = async () => {
    const rows = await sql`
      select order_id from order_view where dead_letter_reason is not null and user_id is not null order by 1
    `;
    return rows.map((row) => row.order_id);
  };
  const older = placed({ orderId: "older" });
  const folded = heard(deadLetters);
  const running = runProjector({
    ...{ ...log.client.settings, databaseUrl: database.url, projection, signal: stop.signal },
    ...{ group: orders, onApplied, health: { ...health, down }, sessionTimeoutMs: 6_000 },
  });
  running.catch((error) => {
    halted = String(error);
    for (const resolve of waits.values()) resolve(halted);
  });
  await log.write([older, deadLetter(older, 0)]);
  await folded;

  const gone = heard("deleted");
  const meanwhile = heard(orders);
  const { settings: { brokers } } = log.client;
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [deadLetters] });
  assertStringIncludes(await gone, "Make it again");
  const newer = placed({ orderId: "newer" });
  await log.write([newer]);
  await meanwhile;

  await admin.createTopics({ topics: [{ topic: deadLetters, numPartitions: 1 }] });
  const again = heard(deadLetters);
  await produce(log.client, [log.renamed(deadLetter(newer, 0))]);
  assertEquals(await again, "");
  assertEquals(await deadOnes(), ["newer", "older"]);

  // So soon that nobody has missed it.
  await admin.deleteTopics({ topics: [deadLetters] });
  const made = () =>
    admin.createTopics({ topics: [{ topic: deadLetters, numPartitions: 1 }] }).catch(() => false);
  await waitFor(async () => await made() || undefined, { waitMsMax: 30_000 });
  await admin.disconnect();
  const newest = placed({ orderId: "newest" });
  const placedNow = heard(orders);
  await log.write([newest]);
  assertEquals(await placedNow, "");
  const onceMore = heard(deadLetters);
  await produce(log.client, [log.renamed(deadLetter(newest, 0))]);
  assertEquals(await onceMore, "");
  assertEquals(await deadOnes(), ["newer", "newest", "older"]);
  const deps = { sql, source: log, dedupe: "position", bounds, backoff } as const;
  const work = { projection, signal: AbortSignal.timeout(60_000) };
  const refused = await assertRejects(() => rebuildProjection(deps, work), HaltError);
  assertStringIncludes(refused.message, "allow-missing-history");
  stop.abort();
  await running;

  await rebuildProjection(deps, { ...work, allowMissingHistory: true });
  assertEquals(await deadOnes(), ["newest"]);
  await rollbackProjection(deps, work);
  assertEquals(await deadOnes(), ["newer", "newest", "older"]);
});
