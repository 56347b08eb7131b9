/** Two versions of one read model in turn: a projector waits for its own, says so, and goes on by itself. */
import { createHealth } from "../../src/engine/core/health.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import type { Projection } from "../../src/engine/projection/define_projection.ts";
import { projectPatiently } from "../../src/engine/projection/project_patiently.ts";
import { rebuildProjection } from "../../src/engine/projection/rebuild_projection.ts";
import type { AppliedBatch, ProjectorDeps } from "../../src/engine/projection/project_partition.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { databaseWith } from "./projection_database.ts";
import { MemoryLog } from "./projection_memory_log.ts";
import { placed, topics } from "./projection_order_records.ts";

const projection = orderViews(topics);
const newer: Projection = { ...projection, version: 2 };
const bounds = { recordsMax: 50, bytesMax: 1_000_000 };
const backoff = { firstMs: 5, waitMsMax: 20 };
const checkName = `projection:${projection.name}`;

function rebuild(sql: Sql, log: MemoryLog, of: Projection, allowMissingHistory = false) {
  return rebuildProjection({ sql, source: log, dedupe: "position", bounds, backoff }, {
    projection: of,
    signal: AbortSignal.timeout(60_000),
    allowMissingHistory,
  });
}

/** A projector of one partition, and signals for what it does. */
async function patient(sql: Sql, log: MemoryLog, signal: AbortSignal) {
  const health = createHealth();
  let said = Promise.withResolvers<string>();
  let applied = Promise.withResolvers<AppliedBatch>();
  let ups = 0;
  const telling: ProjectorDeps<never>["health"] = {
    ...health,
    down(name, reason, options) {
      health.down(name, reason, options);
      said.resolve(reason);
    },
    up(name, cause) {
      const { ready } = health.ready();
      health.up(name, cause);
      if (!ready && health.ready().ready) ups++;
    },
  };
  const reader = await log.openReader({ topic: topics.orders, partition: 0 });
  const ended = projectPatiently({ reader, signal }, {
    ...{ sql, projection, dedupe: "position", bounds, backoff, health: telling },
    onApplied: (run) => applied.resolve(run),
  }, { lookAgainMs: 20 });
  return {
    ended,
    health,
    ups: () => ups,
    async untilSaid() {
      const reason = await said.promise;
      said = Promise.withResolvers();
      return reason;
    },
    async untilApplied() {
      const run = await applied.promise;
      applied = Promise.withResolvers();
      return run;
    },
  };
}

Deno.test("a projector waits while a newer version is in place, and goes on when its own leads back", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = new MemoryLog(1, projection.topics);
  const stop = new AbortController();
  log.append(placed({ orderId: "o0" }));
  const projector = await patient(sql, log, stop.signal);
  await projector.untilApplied();
  assertEquals(projector.health.ready().ready, true);

  await rebuild(sql, log, newer);
  log.append(placed({ orderId: "o1" }));
  assertMatch(
    await projector.untilSaid(),
    /holds version 2 and this program makes version 1; .*projection rebuild/,
  );
  const [check] = projector.health.ready().checks;
  assertEquals([check?.name, check?.ok], [checkName, false]);

  await rebuild(sql, log, projection);
  log.append(placed({ orderId: "o2" }));
  const { nextOffset } = await projector.untilApplied();
  assertEquals(nextOffset, 3);
  assertEquals(projector.health.ready().ready, true);
  const rows = await sql`select order_id from order_view order by 1`;
  assertEquals(rows.map((row) => row.order_id), ["o0", "o1", "o2"]);
  stop.abort();
  await projector.ended;
});

Deno.test("a projector waits for the rebuild of a log that is another one, and goes on after it", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = new MemoryLog(1, projection.topics);
  for (let i = 0; i < 3; i++) log.append(placed({ orderId: `o${i}` }));
  const first = new AbortController();
  const before = await patient(sql, log, first.signal);
  await before.untilApplied();
  first.abort();
  await before.ended;

  log.truncate({ topic: topics.orders, partition: 0 });
  const stop = new AbortController();
  const projector = await patient(sql, log, stop.signal);
  assertMatch(await projector.untilSaid(), /run `deno task projection rebuild`/);
  // It looks again and again, and that is no change of state.
  await projector.untilSaid();
  await projector.untilSaid();
  assertEquals(projector.ups(), 0);
  await rebuild(sql, log, projection, true);
  log.append(placed({ orderId: "new" }));
  assertEquals((await projector.untilApplied()).nextOffset, 1);
  assertEquals(projector.health.ready().ready, true);
  stop.abort();
  await projector.ended;
});

Deno.test("a projector that waits ends with its assignment", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  const log = new MemoryLog(1, projection.topics);
  await rebuild(sql, log, newer);
  const stop = new AbortController();
  const projector = await patient(sql, log, stop.signal);
  await projector.untilSaid();
  stop.abort();
  await projector.ended;
});
