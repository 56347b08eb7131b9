import { FaultLog } from "../../src/app/compose/fault_log.ts";
import { DependencyDownError } from "../../src/engine/core/errors.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("an outage that requests fail of is a line at its begin and one at its end, with their number", () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  let now = 0;
  const faults = new FaultLog(() => now);
  const answer = (status: number, route = "/orders") => faults.answered({ route, status });
  const fail = (id: string) => {
    faults.failed(new DependencyDownError("postgres", "Postgres is away"), id);
    answer(503);
  };
  try {
    answer(202);
    for (const id of ["first", "second"]) fail(id);
    // Turned away at the door, and answers in between.
    answer(503);
    answer(202);
    fail("third");
    now = 2_000;
    answer(200, "/healthz");
    answer(422);
    assertEquals(lines.length, 1);
    answer(202);
    answer(202);
    faults.failed(new TypeError("a mistake"), "fifth");
    fail("sixth");
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertEquals(lines.length, 4);
  assertStringIncludes(lines[0] ?? "", "the first is first: Postgres is away");
  assertStringIncludes(lines[1] ?? "", "4 failed while postgres was down");
  assertStringIncludes(lines[2] ?? "", "Request fifth failed: TypeError: a mistake");
  assertStringIncludes(lines[3] ?? "", "the first is sixth");
});
