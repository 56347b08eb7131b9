import { DeadLetterLog } from "../../src/engine/core/dead_letter_log.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("each dead letter is a line with its place and reason; of too many the number is said", () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    using log = new DeadLetterLog("orders.DLQ", { topic: "orders", partition: 3 });
    log.tell(Array.from({ length: 25 }, (_, offset) => ({
      record: {
        ...{ topic: "orders", partition: 3, offset, timestamp: 0 },
        ...{ key: null, value: null, headers: [] },
      },
      reason: { errorClass: "PoisonError", error: "no\nitems", attempts: 1, groupId: "g" },
    })));
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertEquals(lines.length, 11);
  assertStringIncludes(lines[9] ?? "", "orders-3@9 went to orders.DLQ: PoisonError: no items");
  assertStringIncludes(lines[10] ?? "", "15 more dead letters of orders-3 went to orders.DLQ");
});
