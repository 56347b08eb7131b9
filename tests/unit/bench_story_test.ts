/** What the report's first screen says: of kills, of speed, and of parts that were not run. */
import { assertEquals } from "../support/assert.ts";
import { type BenchReport, type Figure, figure } from "../../src/tools/bench/report.ts";
import { chartOf } from "../../src/tools/bench/charts.ts";
import { KillWatch } from "../../src/tools/bench/kill_watch.ts";
import { spreadOf } from "../../src/tools/bench/statistics.ts";
import { busyWarning, storyOf } from "../../src/tools/bench/story.ts";

const one = (id: string, value: number) => figure(id, id, "unit", "lower", spreadOf([value]));

function kills(guarantee: string, twice: number, never: number, count = 8): Figure[] {
  const values = { twice, never, orders: 4_000, kills: count };
  return Object.entries(values).map(([name, value]) => one(`kills.${guarantee}.${name}`, value));
}

function sectionOf(name: string, figures: readonly Figure[]) {
  return { name, title: name, about: "", command: "", figures, plots: [], notes: [], seconds: 1 };
}

function reportOf(sections: BenchReport["sections"]): BenchReport {
  return {
    format: "onceflow-bench-1",
    started_at: "2026-01-31T12:00:00.000Z",
    seconds: 1,
    size: "quick",
    command: "deno task bench --quick",
    environment: {},
    sections,
  };
}

Deno.test("the story tells who was billed twice and who never, and how often workers were killed", () => {
  const figures = [
    ...kills("exactly-once", 0, 0),
    ...kills("at-least-once", 37, 0),
    ...kills("at-most-once", 0, 21),
  ];
  const { sentences, charts } = storyOf(reportOf([sectionOf("kills", figures)]));
  assertEquals(sentences, [
    "Exactly-once billed each of 4,000 customers once, though its worker was killed 8 times.",
    "At-least-once billed 37 of 4,000 customers twice: its worker was killed 8 times.",
    "At-most-once never billed 21 of 4,000 customers: its worker was killed 8 times.",
  ]);
  assertEquals(charts.map(({ title, bars }) => [title, bars.map(({ value }) => value)]), [
    ["Customers billed twice", [0, 37, 0]],
    ["Customers never billed", [0, 0, 21]],
  ]);
});

Deno.test("the picture says how often workers were killed, where that differs too", () => {
  const figures = [...kills("exactly-once", 0, 0, 2), ...kills("at-least-once", 5, 0, 3)];
  const { charts } = storyOf(reportOf([sectionOf("kills", figures)]));
  assertEquals(charts[0]?.hint, "each worker was killed 2 to 3 times");
});

Deno.test("the story does not praise exactly-once for what it has not kept, nor for kills that never came", () => {
  const told = (figures: Figure[]) => storyOf(reportOf([sectionOf("kills", figures)])).sentences;
  assertEquals(told(kills("exactly-once", 2, 1)), [
    "Exactly-once billed 2 of 4,000 customers twice and never billed 1: its worker was killed 8 times.",
  ]);
  assertEquals(told(kills("exactly-once", 0, 0, 0)), [
    "Exactly-once billed each of 4,000 customers once, but its worker was never killed.",
  ]);
  const undecided = kills("exactly-once", 0, 0).filter(({ id }) => !id.endsWith(".never"));
  assertEquals(told(undecided), [
    "Exactly-once billed none of 4,000 customers twice, though its worker was killed 8 times.",
  ]);
});

Deno.test("latency is told at the story's rate, or at the highest that was measured", () => {
  const at = (rate: number, ms: number) => [
    one(`latency.${rate}.exactly-once.p50`, ms),
    one(`latency.${rate}.at-least-once.p50`, ms - 1),
  ];
  const told = (...figures: Figure[]) =>
    storyOf(reportOf([sectionOf("latency", figures)])).sentences;
  const sentence = (once: string, again: string) => [
    `From order to invoice it takes ${once} ms (median); at-least-once takes ${again} ms.`,
  ];
  assertEquals(told(...at(100, 9), ...at(1_000, 14), ...at(5_000, 30)), sentence("14", "13"));
  assertEquals(told(...at(100, 9), ...at(500, 12)), sentence("12", "11"));
});

Deno.test("a run without the parts of the story has none", () => {
  assertEquals(storyOf(reportOf([])), { sentences: [], charts: [] });
});

Deno.test("no chart has a unit for its title, and one figure alone makes none", () => {
  const figures = (unit: string) =>
    ["exactly-once", "at-least-once"].map((label) =>
      figure(label, label, unit, "lower", spreadOf([3]))
    );
  const chart = chartOf(sectionOf("latency", figures("p99 ms")));
  assertEquals(chart?.title, "Time that 99 % of the events kept below");
  assertEquals(chart?.bars.map(({ kind }) => kind), ["exactly-once", "at-least-once"]);
  assertEquals(chartOf(sectionOf("latency", figures("ratio"))), undefined);
  assertEquals(chartOf(sectionOf("latency", figures("p99 ms").slice(1))), undefined);
});

Deno.test("a worker has caught up when every partition has had a timely order that was due after the kill", async () => {
  const watch = new KillWatch(1_000, 4);
  watch.begin((number) => number * 1_000);
  const caughtUp = watch.caughtUp(500_000, AbortSignal.timeout(1_000));
  for (let number = 0; number < 500; number++) watch.see(number, number * 1_000 + 10); // before the kill
  for (let number = 501; number < 600; number++) watch.see(number, number * 1_000 + 500_001); // late
  for (let number = 600; number < 700; number++) watch.see(number, number * 1_000 + 10);
  assertEquals((await caughtUp ?? 0) >= 600_010, true);
});

Deno.test("orders that were on their way are not lost: all is decided once each partition's last was seen", async () => {
  const watch = new KillWatch(100, 4);
  for (let number = 0; number < 60; number++) if (number !== 7) watch.see(number, 0);
  watch.see(8, 0);
  assertEquals(await watch.settled(60, AbortSignal.timeout(1_000)), true);
  assertEquals(watch.count(60), { twice: 1, never: 1 });
  assertEquals(await watch.settled(61, AbortSignal.abort()), false);
});

Deno.test("the cost is told of warm drains: a short one is mostly how a process starts", () => {
  const figures = [
    one("drain.exactly-once.ratio", 1.12),
    one("drain.exactly-once.rate_warm", 83_000),
    one("drain.at-least-once.rate_warm", 100_000),
  ];
  const { sentences } = storyOf(reportOf([sectionOf("drain", figures)]));
  assertEquals(sentences.map((text) => /works off 83 %.*warm/.test(text)), [true]);
});

Deno.test("a run on a machine that was busy says what it is worth", () => {
  const on = (load: string) => ({
    ...reportOf([]),
    environment: { "processor": "any, 2 cores", "load average at the start": load },
  });
  const warnings = ["18.3 12.0 9.1", "0.4 6.0 7.0", "unknown"].map((load) => busyWarning(on(load)));
  assertEquals(warnings.map((text) => text !== undefined), [true, false, false]);
});
