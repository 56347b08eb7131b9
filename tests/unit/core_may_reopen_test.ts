import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { mayReopen } from "../../src/engine/core/may_reopen.ts";
import type { Assignment } from "../../src/engine/core/ports.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("a dependency that is down is no line for each session of a lane; it is said when it lasts", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  const health = createHealth();
  const signal = AbortSignal.abort(); // no pause is waited for
  const assignment = { reader: { topic: "orders", partition: 0 }, signal } as Assignment;
  const down = new DependencyDownError("kafka", "Kafka did not describe its topics");
  try {
    for (let failures = 1; failures <= 4; failures++) {
      assertEquals(await mayReopen(down, assignment, failures, { health }), true);
    }
    for (const failures of [1, 2]) {
      await mayReopen(new Error(`odd ${failures}`), assignment, failures, { health });
    }
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertEquals(lines.length, 2, lines.join(""));
  assertStringIncludes(lines[0] ?? "", "lane:orders-0 is not ready: Kafka did not describe");
  assertStringIncludes(lines[1] ?? "", "orders-0: odd 1; opening a new session");
});
