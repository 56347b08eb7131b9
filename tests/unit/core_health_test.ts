import { laneObserver } from "../../src/engine/observe/lane_observer.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { createMetrics } from "../../src/engine/observe/metrics.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a process that nothing was said of is ready", () => {
  assertEquals(createHealth().ready(), { ready: true, checks: [] });
});

Deno.test("a lane that waits for a dependency makes the process not ready until it is back", () => {
  const health = createHealth(() => 0);
  const observer = laneObserver(createMetrics(), health, "invoicing");
  observer.dependency?.("postgres", false);
  assertEquals(health.ready(), {
    ready: false,
    checks: [{
      name: "invoicing/postgres",
      ok: false,
      since: "1970-01-01T00:00:00.000Z",
      detail: "invoicing waits for postgres",
    }],
  });
  observer.dependency?.("postgres", true);
  assertEquals(health.ready().ready, true);
});

Deno.test("what a role waits for is up again in the metrics, too, when nobody says so any more", async () => {
  let now = 0;
  const [metrics, health] = [createMetrics(), createHealth(() => now)];
  const observer = laneObserver(metrics, health, "invoicing");
  const up = async () => {
    const { body } = await metrics.expose();
    return /^onceflow_dependency_up{role="invoicing",dependency="postgres"} (\d)$/m.exec(body)?.[1];
  };
  assertEquals(await up(), undefined, "it was never waited for");
  observer.dependency?.("postgres", false);
  now += 20_000;
  observer.dependency?.("postgres", false);
  assertEquals(await up(), "0");
  // The lane has lost its partition, and the dependency came back.
  now += 30_000;
  assertEquals(await up(), "1");
  health.down("postgres", "Postgres does not answer");
  assertEquals(await up(), "0");
  health.up("postgres");
  assertEquals(await up(), "1");
});

Deno.test("a report that nobody repeats lapses", () => {
  let now = 0;
  const health = createHealth(() => now);
  health.down("a", "waits", { forMsMax: 10 });
  now = 9;
  assertEquals(health.ready().ready, false);
  now = 10;
  assertEquals(health.ready().ready, true);
});

Deno.test("each cause is taken back by itself, and since tells the last change", () => {
  let now = 0;
  const health = createHealth(() => now);
  health.down("lane:orders-0", "no leader", { cause: "leader" });
  now = 5_000;
  health.down("lane:orders-0", "no offset", { cause: "offset" });
  health.up("lane:orders-0", "leader");
  assertEquals(health.ready().checks, [{
    name: "lane:orders-0",
    ok: false,
    since: "1970-01-01T00:00:00.000Z",
    detail: "no offset",
  }]);
  health.up("lane:orders-0");
  assertEquals(health.ready().checks[0]?.since, "1970-01-01T00:00:05.000Z");
  health.remove("lane:orders-0");
  assertEquals(health.ready(), { ready: true, checks: [] });
});

Deno.test("two errors that take turns are a line each, however often they are met", () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    const health = createHealth(() => 0);
    for (let n = 0; n < 100; n++) health.down("kafka", n % 2 ? "refused" : "closed");
    assertEquals(lines.length, 2);
    assertEquals(health.ready().checks[0]?.detail, "refused");
    health.up("kafka");
    assertEquals(lines.length, 3);
    health.down("kafka", "refused");
    assertEquals(lines.length, 4, "another outage");
    for (let n = 0; n < 100; n++) health.down("kafka", `after ${n} ms`);
    assertEquals(lines.length, 13, "texts that never repeat have a bound");
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
});

Deno.test("what another condition says, or another cause, is shown and is no line", () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    const health = createHealth();
    health.down("relay:0", "waits for kafka", { cause: "session", logged: "never" });
    health.down("relay:0", "no row was published", { cause: "stalled", logged: "alone" });
    assertEquals(health.ready().checks[0]?.detail, "waits for kafka; no row was published");
    health.up("relay:0");
    assertEquals([health.ready().ready, lines], [true, []]);
    // Alone it is a line, and so is its end.
    health.down("relay:0", "no row was published", { cause: "stalled", logged: "alone" });
    health.up("relay:0", "stalled");
    assertEquals(lines.length, 2, lines.join(""));
  } finally {
    configureLogging({ level: "warning" });
  }
});
