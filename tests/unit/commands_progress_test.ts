import { serviceProgress } from "../../src/cli/progress.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("what a service says of itself is JSON where its log is", () => {
  const lines: string[] = [];
  configureLogging({ level: "info", format: "json", write: (line) => lines.push(line) });
  serviceProgress({ LOG_FORMAT: "json" })("Serving http://127.0.0.1:8080");
  assertEquals(lines.map((line) => JSON.parse(line).message), ["Serving http://127.0.0.1:8080"]);
});
