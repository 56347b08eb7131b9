/** The benchmark's report: what is met and missed, the table, the page, and the comparison with an earlier run. */
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { checkOutput, isPerfect } from "../../src/tools/bench/check_output.ts";
import { benchKey, benchOrderOf, invoiceIdOf } from "../../src/tools/bench/bench_event.ts";
import { formatReport } from "../../src/tools/bench/format_report.ts";
import { pivot } from "../../src/tools/bench/read_figures.ts";
import type { Probe, SeenRecord } from "../../src/tools/bench/probe.ts";
import {
  type BenchReport,
  type Figure,
  figure,
  reportSchema,
} from "../../src/tools/bench/report.ts";
import { columnsOf } from "../../src/engine/dead_letters/fit_columns.ts";
import { plainReason } from "../../src/tools/bench/plain_reason.ts";
import { reportHtml } from "../../src/tools/bench/report_html.ts";
import { spreadOf } from "../../src/tools/bench/statistics.ts";

function reportOf(...figures: Figure[]): BenchReport {
  return {
    format: "onceflow-bench-1",
    started_at: "2026-01-31T12:00:00.000Z",
    seconds: 12,
    size: "quick",
    command: "deno task bench --quick",
    environment: { processor: "a <fast> one" },
    sections: [{
      name: "drain",
      title: "Drain",
      about: "about </script>",
      command: "deno task bench --quick --only drain",
      figures,
      plots: [],
      notes: [],
      seconds: 3,
    }],
  };
}

const rate = (value: number) =>
  figure("drain.rate", "exactly-once", "records/s", "higher", spreadOf([value]), 100);

Deno.test("the report for a terminal fits 100 columns, and has every figure", async () => {
  const sample = new URL("../browser/bench_sample.json", import.meta.url);
  const { figures = [] } = reportSchema.parse(JSON.parse(await Deno.readTextFile(sample)))
    .sections[0] ?? {};
  const long = figures.map((one) => ({ ...one, label: `${one.label}, and more`.padEnd(50, ".") }));
  const units = ["records/s", "records/s, warm", "µs CPU/record", "µs CPU/record, warm", "MiB", "s"]
    .map((unit) => figure(`wide.${unit}`, "exactly-once", unit, "lower", spreadOf([1234]), 9));
  const text = formatReport(reportOf(...long, ...units));
  assertEquals(text.split("\n").filter((line) => columnsOf(line) > 100), []);
  for (const { unit } of units) assertStringIncludes(text, ` ${unit} `);
});

Deno.test("a target is met on its right side", () => {
  assertEquals(rate(100).met, true);
  assertEquals(rate(99).met, false);
  assertEquals(figure("a", "a", "ms", "lower", spreadOf([26]), 25).met, false);
});

Deno.test("targets stand at the end of the page, after every part", () => {
  const page = reportHtml(reportOf(rate(90)));
  assertEquals(page.indexOf("not reached") > page.indexOf('<section id="drain">'), true);
  assertEquals(
    page.slice(0, page.indexOf('<section id="drain">')).includes('class="missed'),
    false,
  );
});

Deno.test("figures of one label stand in one row, a column for each unit", () => {
  const cpu = figure("drain.cpu", "exactly-once", "µs", "lower", spreadOf([6]));
  const { units, rows } = pivot([rate(100), cpu]);
  assertEquals(units, ["records/s", "µs"]);
  assertEquals(rows.map(({ label, cells }) => [label, cells.length]), [["exactly-once", 2]]);
});

Deno.test("the table says what was missed and what changed since the earlier run", () => {
  const text = formatReport(reportOf(rate(90)), reportOf(rate(100)));
  assertStringIncludes(text, "MISSED ≥ 100");
  assertStringIncludes(text, "-10.0 %");
  assertEquals(text.includes("of full size"), false);
});

Deno.test("a comparison of runs of two sizes says so, in the table and on the page", () => {
  const earlier: BenchReport = { ...reportOf(rate(100)), size: "full" };
  assertStringIncludes(formatReport(reportOf(rate(90)), earlier), "of full size");
  assertStringIncludes(reportHtml(reportOf(rate(90)), earlier), "of full size");
});

Deno.test("the page holds its library and its data, and no text of the report can end a script", () => {
  const page = reportHtml(reportOf(rate(120)));
  assertStringIncludes(page, "uPlot");
  assertStringIncludes(page, "a &lt;fast> one".replace(">", "&gt;"));
  assertEquals(page.match(/<\/script>/g)?.length, 3);
  assertEquals(/(src|href)="http/.test(page), false);
});

Deno.test("why a part failed is told without colours and without a stack of calls", () => {
  const error = new Error(
    "the load ended early:     at \x1b[1mObject.send\x1b[0m (\x1b[36mfile:///a.ts\x1b[0m:1:2)\n" +
      "Caused by: This server is not the leader\n    at async file:///b.ts:3:4\n",
  );
  assertEquals(
    plainReason(error),
    "the load ended early: Caused by: This server is not the leader",
  );
});

Deno.test("a report survives its JSON file", () => {
  const report = reportOf(rate(120));
  assertEquals(reportSchema.parse(JSON.parse(JSON.stringify(report))), report);
});

const bytes = (text: string) => new TextEncoder().encode(text);

function output(number: number, offset: number, change: object = {}): SeenRecord {
  const order = benchOrderOf(number);
  const value = { ...order, invoice_id: invoiceIdOf(order.order_id), ...change };
  return {
    partition: 0,
    offset,
    key: bytes(benchKey(number)),
    value: bytes(JSON.stringify(value)),
  };
}

/** A probe that shows these records; nothing else of it is used. */
function showing(records: readonly SeenRecord[]): Pick<Probe, "dump"> {
  return {
    dump(_topic, onRecord) {
      records.forEach(onRecord);
      return Promise.resolve();
    },
  };
}

const check = (records: readonly SeenRecord[]) =>
  checkOutput(showing(records), "out", { expected: 3, work: "plain" });

Deno.test("one right output for each input is perfect", async () => {
  assertEquals(isPerfect(await check([output(0, 0), output(1, 1), output(2, 2)])), true);
});

Deno.test("a lost, a doubled, an altered and a misplaced output are told apart", async () => {
  const lost = await check([output(0, 0), output(2, 1)]);
  assertEquals([lost.lost, lost.duplicated, lost.wrong], [1, 0, 0]);
  const doubled = await check([output(0, 0), output(1, 1), output(1, 2), output(2, 3)]);
  assertEquals([doubled.lost, doubled.duplicated, doubled.wrong], [0, 1, 0]);
  const altered = await check([output(0, 0), output(1, 1, { amount: "1" }), output(2, 2)]);
  assertEquals([altered.lost, altered.duplicated, altered.wrong], [0, 0, 1]);
  const misplaced = await check([output(1, 0), output(0, 1), output(2, 2)]);
  assertEquals([misplaced.lost, misplaced.duplicated, misplaced.wrong], [0, 0, 1]);
});
