import { keepHistory } from "../../src/app/dashboard/keep_history.ts";
import { readLastRuns } from "../../src/app/dashboard/last_runs.ts";
import { workersOf } from "../../src/app/dashboard/workers_of.ts";
import { pathOf } from "../../src/app/dashboard/page/hour.js";
import { sampleData } from "../browser/dashboard_sample.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("the last hour is kept from the first look on, and what was not known stays a gap", async () => {
  let now = Date.parse("2026-05-01T12:00:00Z");
  let data = sampleData(100);
  const clock = () => now;
  // Only looks note points here: nothing comes due by itself within the test.
  await using kept = keepHistory(() => Promise.resolve(data), {
    ...{ everyMs: 60_000, keepMs: 3_600_000, clock },
  });
  assertEquals(kept.history().since, null);
  await kept.read();
  await kept.read();
  assertEquals(kept.history().points.length, 1, "the same moment is one point");
  data = sampleData(100, { counts: { known: false, reason: "postgres cannot be reached" } });
  now += 60_000;
  await kept.read();
  const { since, points } = kept.history();
  assertEquals(since, "2026-05-01T12:00:00.000Z");
  assertEquals(points.map(({ counts }) => counts?.placed ?? null), [100, null]);
  for (let minute = 0; minute < 90; minute++) {
    now += 60_000;
    await kept.read();
  }
  assertEquals(kept.history().points.length, 60);
  assertEquals(kept.history().since, new Date(now - 59 * 60_000).toISOString());
});

Deno.test("the hour goes on while nobody looks, and ends an hour after the last look", async () => {
  let now = 0;
  const { promise: noted, resolve } = Promise.withResolvers<void>();
  let reads = 0;
  const read = () => {
    if (++reads === 5) resolve();
    return Promise.resolve(sampleData(reads));
  };
  // Each look at the clock takes it on.
  await using kept = keepHistory(read, { everyMs: 1, keepMs: 100, clock: () => now++ });
  await kept.read();
  await noted;
  while (now <= 101) await new Promise((resolve) => setTimeout(resolve, 1));
  const asked = reads;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(reads, asked);
});

Deno.test("partitions are shown with their owner, and those that nobody has apart", () => {
  const at = (partition: number) => ({ topic: "orders", partition });
  const found = workersOf(
    {
      state: "Stable",
      members: [
        { memberId: "b", clientId: "w", host: "/10.0.0.2", assigned: [] },
        { memberId: "a", clientId: "w", host: "/10.0.0.1", assigned: [at(1), at(0)] },
      ],
    },
    "orders",
    {
      at: new Date(),
      relay: [],
      worker: [{ partition: 0, next: 7 }, { partition: 1, next: 0 }, { partition: 2, next: 9 }],
      ends: [
        { ...at(0), start: 0, end: 7 },
        { ...at(1), start: 5, end: 8 },
        { ...at(2), start: 0, end: 10 },
        { topic: "invoices", partition: 0, start: 0, end: 99 },
      ],
    },
  );
  assertEquals(found.members.map(({ member, host }) => [member, host]), [
    ["a", "10.0.0.1"],
    ["b", "10.0.0.2"],
  ]);
  assertEquals(found.members[0]?.partitions, [
    { partition: 0, records: 0 },
    { partition: 1, records: 3 },
  ]);
  assertEquals(found.unowned, [{ partition: 2, records: 1 }]);
});

Deno.test("the last runs are read where the tools write them; none, or one that is no report, is said", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const none = { found: false, reason: "None has run on this machine" } as const;
    assertEquals(await readLastRuns(directory), { torture: none, bench: none });
    const write = async (kind: string, at: string, report: unknown) => {
      await Deno.mkdir(`${directory}/${kind}`, { recursive: true });
      await Deno.writeTextFile(`${directory}/${kind}/${kind}-${at}.json`, JSON.stringify(report));
    };
    const torture = {
      ...{ seed: "s", kafka: "4.2.2", guarantee: "exactly-once", minutes: 1, good: false },
      ...{
        faults: { landed: 3 },
        load: { acknowledged: 9 },
        recovery: { median_ms: 5, max_ms: 8 },
      },
      findings: [{ kind: "lost", detail: "one" }],
    };
    await write("torture", "2026-05-01T12-00-00-000Z", { ...torture, seed: "older" });
    await write("torture", "2026-05-02T12-00-00-000Z", torture);
    await write("bench", "2026-05-02T12-00-00-000Z", { of: "another version" });
    const runs = await readLastRuns(directory);
    if (!runs.torture.found) throw new Error(runs.torture.reason);
    assertEquals([runs.torture.at, runs.torture.value.seed], ["2026-05-02T12:00:00.000Z", "s"]);
    assertEquals(runs.torture.value.findings, ["lost: one"]);
    assertEquals(runs.bench, {
      found: false,
      reason: "The latest report cannot be read: it is not of this version",
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a line of the hour is broken where nothing is known", () => {
  const values = [
    { at: 0, value: 1 },
    { at: 25, value: 2 },
    { at: 50, value: null },
    { at: 75, value: 0 },
    { at: 100, value: 2 },
  ];
  assertEquals(
    pathOf(values, 0, 100, 30),
    "M0.00 15.00L25.00 1.00M75.00 29.00L100.00 1.00",
  );
});
