import { createHealth } from "../../src/engine/core/health.ts";
import { FetchTrouble } from "../../src/engine/kafka/fetch_trouble.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

const partitions = Array.from({ length: 500 }, (_, partition) => ({ topic: "orders", partition }));

function setUp() {
  const health = createHealth();
  const trouble = new FetchTrouble({ groupId: "g", health });
  const down = () => health.ready().checks.filter(({ ok }) => !ok);
  return { trouble, down, health };
}

Deno.test("a cluster that is out of reach is one line, however many groups, partitions and tries", () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    const { trouble, down, health } = setUp();
    const groups = [trouble, new FetchTrouble({ groupId: "h", health })];
    for (let n = 0; n < 100; n++) {
      for (const group of groups) group.unanswered(partitions, new Error(`refused ${n}`));
    }
    assertEquals(down().map(({ name }) => name), ["kafka"]);
    for (const group of groups) group.answered();
    assertEquals(down(), []);
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertEquals(lines.length, 2);
});

Deno.test("what the cluster itself refuses is said of the partition that it concerns", () => {
  const { trouble, down } = setUp();
  const refusal = Object.assign(new Error("not allowed"), { type: "TOPIC_AUTHORIZATION_FAILED" });
  for (let n = 0; n < 10; n++) trouble.unanswered(partitions.slice(0, 2), refusal);
  assertEquals(down().map(({ name }) => name), ["lane:orders-0", "lane:orders-1"]);
  assertStringIncludes(down()[0]?.detail ?? "", "group g cannot read it");
});
