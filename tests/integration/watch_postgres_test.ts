import { watchPostgres } from "../../src/compose/watch_postgres.ts";
import { createHealth } from "../../src/core/health.ts";
import { openDatabase } from "../../src/postgres/database.ts";
import { freePort } from "../../src/stack/ports.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { services } from "../support/services.ts";

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
