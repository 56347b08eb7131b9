import { jsonDocument } from "../../src/cli/json_document.ts";
import { Command, CommanderError } from "commander";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { FindingError } from "../../src/cli/exit_codes.ts";
import { type ProjectionActions, projectionCommand } from "../../src/cli/projection.ts";
import { lines } from "../../src/cli/projection_progress.ts";
import type { Comparison } from "../../src/engine/projection/compare_staged.ts";
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

const old = {
  version: 1,
  keptAt: "2026-01-02T03:04:05.678Z",
  schema: "order_views_kept_0123abcd",
  tables: ["order_view"],
  bytes: 12_300_000,
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
  const command = projectionCommand({
    status: () => Promise.resolve(status),
    rebuild: () => Promise.resolve(report),
    rollback: () => Promise.resolve({ ...report, behind: 3, old }),
    dropOld: () => Promise.resolve(old),
    confirm: () => false,
    ...actions,
  });
  for (const one of command.commands) one.exitOverride().configureOutput({ writeErr: () => {} });
  const program = new Command("onceflow").addCommand(command);
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

Deno.test("projection rebuild is as slow as it is told, and says what it has kept and dropped", async () => {
  const given: unknown[] = [];
  const rebuild: ProjectionActions["rebuild"] = ({ recordsPerSecond }) => {
    given.push(recordsPerSecond);
    return Promise.resolve({ ...report, old, dropped: { ...old, version: 7 } });
  };
  const said = await run(["rebuild", "--records-per-second", "2.5"], { rebuild });
  assertStringIncludes(said, "Kept for `projection rollback`: the tables of version 1 (order_view");
  assertStringIncludes(
    said,
    "Dropped, as an earlier rebuild had kept them: the tables of version 7",
  );
  assertEquals(given, [2.5]);
  for (const wrong of ["0", "-1", "many"]) {
    await assertRejects(
      () => run(["rebuild", "--records-per-second", wrong], { rebuild }),
      CommanderError,
    );
  }
  const shown = await run(["status"], {
    status: () => Promise.resolve({ ...status, old: { ...old, behind: 9 } }),
  });
  assertStringIncludes(
    shown.replaceAll(/\s+/g, " "),
    "12.3 MB), replaced 2026-01-02T03:04:05.678Z, 9 offsets behind",
  );
  assertEquals(shown.split("\n").filter((line) => line.length > 100), []);
});

Deno.test("what shows readers the past, and what cannot be undone, is asked for", async () => {
  const plan = { version: 1, replacedVersion: 2, keptAt: old.keptAt, behind: 3 };
  const rollback: ProjectionActions["rollback"] = ({ atOnce, beforeRollback }) => {
    beforeRollback(plan);
    return Promise.resolve({ ...report, behind: atOnce ? 3 : 0, old });
  };
  const dropOld: ProjectionActions["dropOld"] = ({ beforeDrop }) => {
    beforeDrop(old);
    return Promise.resolve(old);
  };
  const actions = { rollback, dropOld };
  assertStringIncludes(await run(["rollback"], actions), "the old tables are live again");
  await assertRejects(() => run(["rollback", "--at-once"], actions), Error, "Add --yes");
  assertStringIncludes(await run(["rollback", "--at-once", "--yes"], actions), "3 offsets behind");
  await assertRejects(() => run(["drop-old"], actions), Error, "Nothing was dropped");
  assertStringIncludes(await run(["drop-old"], { ...actions, confirm: () => true }), "Dropped the");
  const none = { dropOld: () => Promise.resolve(undefined) };
  assertEquals(JSON.parse(await run(["drop-old", "--json"], none)), { dropped: null });
});

Deno.test("away from a terminal progress is a line each five seconds, and one before the tables are exchanged", () => {
  const said: string[] = [];
  let now = 0;
  const { onProgress } = lines((line) => said.push(line), () => now);
  const at = (ms: number, offsetsDone: number, phase: "replay" | "swap" = "replay") => {
    now = ms;
    onProgress({ phase, pass: 1, offsetsDone, offsetsTotal: 1_000 });
  };
  at(0, 0);
  at(4_999, 450);
  at(5_000, 500);
  at(6_000, 600);
  at(9_000, 1_000, "swap");
  assertEquals(said, [
    "Replayed 0 of 1000 offsets (0 %), round 1",
    "Replayed 500 of 1000 offsets (50 %), round 1, 100 a second, about 5 s to go",
    "Replayed 1000 of 1000 offsets (100 %), round 1; now the tables are exchanged",
  ]);
});

const comparison = (changed: number): Comparison => ({
  liveBehind: 0,
  tables: [{
    ...{ table: "order_view", rowsLive: 9, rowsNew: 9, onlyLive: 0, onlyNew: 0, changed },
    ...{ columnsOnlyLive: [], columnsOnlyNew: [] },
    rows: changed === 0 ? [] : [{
      kind: "changed",
      key: '["o1"]',
      columns: [{ column: "amount", live: "7", new: null }],
    }],
  }],
});

Deno.test("differences are printed, and nothing is exchanged that nobody has agreed to", async () => {
  let swapped = 0;
  const rebuilding = (changed: number): Partial<ProjectionActions> => ({
    async rebuild({ beforeSwap }) {
      await beforeSwap?.(comparison(changed));
      swapped++;
      return { ...report, comparison: comparison(changed) };
    },
  });
  const differing = rebuilding(3);
  await run(["rebuild"], differing);
  assertEquals(swapped, 1);
  const yes = await run(["rebuild", "--diff", "--yes"], differing);
  assertStringIncludes(yes, "order_view: 9 rows live, 9 new; 3 changed, 0 only live, 0 only new");
  assertStringIncludes(yes, '  changed ["o1"]: amount 7 -> NULL\n  and 2 more');
  await run(["rebuild", "--diff"], { ...differing, confirm: () => true });
  await run(["rebuild", "--diff"], rebuilding(0));
  assertEquals(swapped, 4);
  await assertRejects(() => run(["rebuild", "--diff"], differing), FindingError);
  await assertRejects(
    () => run(["rebuild", "--stop-before-swap", "--yes"], differing),
    FindingError,
  );
  assertStringIncludes(
    await run(["rebuild", "--stop-before-swap"], rebuilding(0)),
    "no row differs",
  );
  const document = JSON.parse(
    await run(["rebuild", "--stop-before-swap", "--json"], rebuilding(0)),
  );
  assertEquals(document.comparison.tables[0].rows_live, 9);
  assertEquals(swapped, 4);
});
