import { laneObserver } from "../../src/observe/lane_observer.ts";
import { createHealth } from "../../src/observe/health.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a process that nothing was said of is ready", () => {
  assertEquals(createHealth().ready(), { ready: true, checks: [] });
});

Deno.test("a lane that waits for a dependency makes the process not ready until it is back", () => {
  const health = createHealth();
  const observer = laneObserver(createMetrics(), health, "invoicing");
  observer.dependency?.("postgres", false);
  assertEquals(health.ready(), {
    ready: false,
    checks: [{ name: "invoicing/postgres", ok: false, detail: "invoicing waits for postgres" }],
  });
  observer.dependency?.("postgres", true);
  assertEquals(health.ready().ready, true);
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
