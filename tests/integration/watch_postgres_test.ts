import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { openApi } from "../../src/app/compose/run_serve.ts";
import { readConfig } from "../../src/config.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { watchPostgres } from "../../src/app/compose/watch_postgres.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { whyNoWrites } from "../../src/engine/postgres/takes_writes.ts";
import { whyMayNotPlace } from "../../src/app/orders/may_place.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { freshDatabase, services } from "../support/services.ts";
import { outboxDatabase } from "./outbox_database.ts";

/** Watches this database until something was reported, and answers with what. */
async function firstReport(url: string) {
  await using database = openDatabase(url, {
    ...{ connectionsMax: 1, applicationName: "watch test", connectTimeoutMs: 1_000 },
  });
  const health = createHealth();
  const stop = new AbortController();
  const reported = {
    up: (name: string) => (health.up(name), stop.abort()),
    down: (name: string, reason: string) => (health.down(name, reason), stop.abort()),
  };
  await watchPostgres(database.sql, reported, stop.signal);
  return health.ready();
}

Deno.test("a worker that needs nothing of Postgres now is ready only while Postgres answers", async () => {
  const { databaseUrl } = await services();
  assert((await firstReport(databaseUrl)).ready);
  const nobody = new URL(databaseUrl);
  nobody.port = String(freePort());
  const { ready, checks } = await firstReport(nobody.href);
  assertEquals({ ready, names: checks.map(({ name }) => name) }, {
    ready: false,
    names: ["postgres"],
  });
});

Deno.test("a pool whose connections are all at work is no Postgres that does not answer", async () => {
  await using fresh = await freshDatabase();
  const config = readConfig({
    ...{ KAFKA_BROKERS: `127.0.0.1:${freePort()}`, DATABASE_URL: fresh.url },
    DATABASE_CONNECTIONS_MAX: "2",
  });
  await using runtime = await openRuntime(config, {
    ...{ applicationName: "busy", health: createHealth(), kafkaLater: true },
  });
  const release = Promise.withResolvers<void>();
  const holding = [1, 2].map(() => Promise.withResolvers<void>());
  const held = holding.map(({ resolve }) =>
    runtime.database.sql.begin(async (tx) => {
      await tx`select 1`;
      resolve();
      await release.promise;
    })
  );
  try {
    await Promise.all(holding.map(({ promise }) => promise));
    const observability = createObservability();
    await using _api = openApi(runtime, observability);
    const found = () => observability.health.ready().checks.find(({ name }) => name === "postgres");
    const check = await waitFor(() => Promise.resolve(found()), { waitMsMax: 60_000 });
    assertEquals([check?.ok, check?.detail], [true, ""]);
  } finally {
    release.resolve();
    await Promise.all(held);
  }
});

Deno.test("a Postgres that takes no writes is not ready, and is again when it does", async () => {
  await using fresh = await freshDatabase();
  await using admin = openDatabase(fresh.url, { connectionsMax: 1, applicationName: "admin" });
  const name = new URL(fresh.url).pathname.slice(1);
  await admin.sql.unsafe(`alter database ${name} set default_transaction_read_only = on`);
  await using database = openDatabase(fresh.url, { connectionsMax: 1, applicationName: "watch" });
  const health = createHealth();
  const stop = new AbortController();
  const watching = watchPostgres(database.sql, health, stop.signal);
  const says = (text: string) =>
    waitFor(
      () =>
        Promise.resolve(
          health.ready().checks.some(({ detail }) => detail.includes(text)) || undefined,
        ),
      { waitMsMax: 60_000 },
    );
  assert(await says("takes no writes"));
  await admin.sql.unsafe(
    `begin read write; alter database ${name} reset default_transaction_read_only; commit`,
  );
  // By itself, although the session that was asked is read-only for as long as it lasts.
  const isReady = () => Promise.resolve(health.ready().ready || undefined);
  assert(await waitFor(isReady, { waitMsMax: 60_000 }));
  stop.abort();
  await watching;
});

Deno.test("a right to place orders that is taken away is no readiness, and is named until it is granted", async () => {
  await using db = await outboxDatabase(1);
  const role = `serve_${crypto.randomUUID().replaceAll("-", "")}`;
  await db.sql.unsafe(
    `create role ${role} login; grant insert, select on all tables in schema public to ${role};
    grant usage on sequence outbox_position to ${role}`,
  );
  const url = new URL(db.url);
  url.username = role;
  await using own = openDatabase(url.href, { connectionsMax: 1, applicationName: "watch test" });
  assertEquals(await whyMayNotPlace(own.sql), undefined);
  await db.sql.unsafe(
    `revoke insert on orders from ${role}; revoke usage on sequence outbox_position from ${role}`,
  );
  const health = createHealth();
  const stop = new AbortController();
  const watching = watchPostgres(own.sql, health, stop.signal, whyMayNotPlace);
  const isReady = (wanted: boolean) =>
    waitFor(() => {
      const [found] = health.ready().checks;
      return Promise.resolve(found?.ok === wanted ? found : undefined);
    }, { waitMsMax: 60_000, intervalMs: 20 });
  const { detail = "" } = await isReady(false) ?? {};
  assertStringIncludes(detail, "lacks INSERT on orders, USAGE on sequence outbox_position");
  await db.sql.unsafe(
    `grant insert on orders to ${role}; grant usage on sequence outbox_position to ${role}`,
  );
  assert(await isReady(true));
  stop.abort();
  await watching;
  await db.sql.unsafe(`drop owned by ${role}; drop role ${role}`);
});

Deno.test("a Postgres whose disk is full is not ready", async () => {
  const full = Object.assign(new Error("could not write"), { code: "53100" });
  const sql = { begin: () => Promise.reject(full) } as unknown as Sql;
  assertEquals(await whyNoWrites(sql), "Postgres' disk is full");
});
