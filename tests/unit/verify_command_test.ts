import type { ConservationReport } from "../../src/tools/verify/check_conservation.ts";
import { FindingError } from "../../src/cli/exit_codes.ts";
import { verifyCommand } from "../../src/cli/verify.ts";
import { formatReport } from "../../src/tools/verify/format_report.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const balanced: ConservationReport = {
  good: true,
  drained: false,
  figures: {
    ...{ placed: 2, announced: 2, invoiced: 2, dead_lettered: 0, projected: 2 },
    ...{ lost: 0, duplicated: 0, redriven: 0, aborted: 0 },
    foreign: { records: 0, invoiced: 0, dead_lettered: 0 },
    lag: { relay: 0, worker: 0, projector: 0 },
  },
  findings: [],
  notes: [],
  elapsedMs: 1_000,
};

const broken: ConservationReport = {
  ...balanced,
  good: false,
  findings: [{
    kind: "lost",
    claim: "every publication has an outcome",
    count: 3,
    first: { order_id: "o-1", topic: "orders", partition: 0, offset: 7, detail: "no invoice" },
    history: { order_id: "o-1", steps: [] },
  }],
};

/** Runs the command on a report; answers with what it was asked for. */
async function run(report: ConservationReport, ...flags: string[]) {
  const asked: boolean[] = [];
  const command = verifyCommand({
    check({ drained }) {
      asked.push(drained);
      return Promise.resolve(report);
    },
  });
  await command.parseAsync(flags, { from: "user" });
  return asked;
}

Deno.test("verify ends well when the books balance, and tells whether the pipeline is quiet", async () => {
  assertEquals(await run(balanced), [false]);
  assertEquals(await run(balanced, "--drained", "--json"), [true]);
});

Deno.test("verify ends in a finding when the books do not balance, as a table and as JSON", async () => {
  await assertRejects(() => run(broken), FindingError);
  await assertRejects(() => run(broken, "--json"), FindingError);
});

Deno.test("a report shows the first counterexample with its place and its order's history", () => {
  const text = formatReport(broken);
  assertStringIncludes(text, "LOST (3): violated: every publication has an outcome");
  assertStringIncludes(text, "first: order o-1 at orders-0@7: no invoice");
  assertStringIncludes(text, "The books do NOT balance: lost.");
});
