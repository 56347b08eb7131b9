import { getLogger } from "@logtape/logtape";
import { configureLogging, type LoggingOptions } from "../../src/engine/observe/logging.ts";
import { Secret } from "../../src/config.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";

/** Runs `act` under a configuration and answers with the lines that it logged. */
function linesOf(options: Partial<LoggingOptions>, act: () => void): string[] {
  const lines: string[] = [];
  configureLogging({
    level: "info",
    terminal: false,
    write: (line) => void lines.push(line),
    ...options,
  });
  try {
    act();
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  return lines;
}

const log = getLogger(["onceflow", "core", "lane"]);

Deno.test("a text line says when, how serious, which room and what", () => {
  const [line = ""] = linesOf({}, () => log.warn("{partition} moved", { partition: "orders-3" }));
  assertMatch(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z \[WRN\] core\.lane: orders-3 moved\n$/);
});

Deno.test("a JSON line is one object with the values beside the message", () => {
  const lines = linesOf(
    { format: "json" },
    () => log.info("{rows} rows\nof {shard}", { rows: 3, shard: 0, big: 12n }),
  );
  assertEquals(lines.length, 1);
  const [line = ""] = lines;
  assertEquals(line.indexOf("\n"), line.length - 1, "one line");
  const { level, logger, message, rows, shard, big } = JSON.parse(line);
  assertEquals([level, logger, message, rows, shard, big], [
    "INFO",
    "onceflow.core.lane",
    "3 rows\nof 0",
    3,
    0,
    "12",
  ]);
});

Deno.test("lines below the level are dropped, and the library's own logger is silent", () => {
  assertEquals(linesOf({}, () => log.debug("no")), []);
});

Deno.test("secrets do not reach the log in either format", () => {
  const cause = new Error("connect postgres://root:hunter2@db:5432/x: refused");
  for (const format of ["text", "json"] as const) {
    const [line = ""] = linesOf(
      { format },
      () =>
        log.error("{error} at {url} with {settings} and {secret}", {
          error: new Error("Cannot connect", { cause }),
          url: "postgres://root:hunter2@db:5432/x",
          settings: {
            KAFKA_SASL_PASSWORD: "hunter2",
            nested: { api_token: "hunter2" },
            topic: "t",
          },
          secret: new Secret("hunter2"),
          header: "Authorization: Bearer hunter2",
        }),
    );
    assert(!line.includes("hunter2"), line);
    assertStringIncludes(line, "Cannot connect");
    assertStringIncludes(line, "refused");
    assertStringIncludes(line, "postgres://root:[redacted]@db:5432/x");
  }
});

Deno.test("a value cannot forge a second line or colour a text log", () => {
  const [line = ""] = linesOf(
    {},
    () => log.info("{name}", { name: "a\n2026-01-01 [ERR] forged\x1b[31m" }),
  );
  assertEquals(line.split("\n").length, 2);
  assert(!line.includes("\x1b"));
});

Deno.test("a level that there is not is refused at once", () => {
  const level = "warn" as LoggingOptions["level"];
  assertThrows(() => configureLogging({ level }), TypeError, '"warn"');
});
