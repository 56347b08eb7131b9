import { jsonDocument } from "../../src/cli/json_document.ts";
import { Command } from "commander";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { FindingError } from "../../src/cli/exit_codes.ts";
import { type ProjectionActions, projectionCommand } from "../../src/cli/projection.ts";
import type { ProjectionStatus } from "../../src/engine/projection/projection_status.ts";

const status: ProjectionStatus = {
  projection: "order_views",
  version: 1,
  installedVersion: 1,
  partitions: [{ topic: "orders", partition: 0, position: 7, start: 0, end: 9, lag: 2 }],
  lag: 2,
  tables: [{ name: "order_view", rows: 7 }],
  checks: [{ name: "orders", left: "7", right: "7", equal: true }],
  findings: [],
};

const report = {
  projection: "order_views",
  version: 2,
  replacedVersion: 1,
  partitions: 12,
  events: 5000,
  skipped: 3,
  passes: 1,
  elapsedMs: 1234,
};

async function run(args: string[], actions: Partial<ProjectionActions>): Promise<string> {
  const program = new Command("onceflow").addCommand(projectionCommand({
    status: () => Promise.resolve(status),
    rebuild: () => Promise.resolve(report),
    ...actions,
  }));
  const printed: string[] = [];
  const print = console.log;
  console.log = (line: string) => void printed.push(line);
  try {
    await program.parseAsync(["projection", ...args], { from: "user" });
  } finally {
    console.log = print;
  }
  return printed.join("\n");
}

Deno.test("projection status prints a table for people and one document for programs", async () => {
  assertStringIncludes(await run(["status"], {}), "orders-0");
  assertEquals(JSON.parse(await run(["status", "--json"], {})), JSON.parse(jsonDocument(status)));
});

Deno.test("projection status is a finding when the figures disagree", async () => {
  const unsound = { ...status, findings: ["orders: 7 is not 8"] };
  await assertRejects(
    () => run(["status"], { status: () => Promise.resolve(unsound) }),
    FindingError,
  );
});

Deno.test("projection rebuild passes on whether history may be missing", async () => {
  const asked: boolean[] = [];
  const rebuild: ProjectionActions["rebuild"] = ({ allowMissingHistory, onProgress }) => {
    asked.push(allowMissingHistory);
    onProgress({ phase: "replay", pass: 1, offsetsDone: 1, offsetsTotal: 2 });
    return Promise.resolve(report);
  };
  assertStringIncludes(await run(["rebuild"], { rebuild }), "5000 events of 12 partitions");
  await run(["rebuild", "--allow-missing-history"], { rebuild });
  assertEquals(asked, [false, true]);
});
