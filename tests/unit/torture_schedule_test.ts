import { assertEquals, assertGreater, assertNotEquals } from "../support/assert.ts";
import { allFaults } from "../../src/torture/faults/all_faults.ts";
import type { Stage } from "../../src/torture/fault.ts";
import { drawSchedule, usualDensity } from "../../src/torture/schedule.ts";

const stage: Stage = {
  brokers: 1,
  workers: ["worker-1", "worker-2"],
  relays: ["relay-1"],
  projectors: ["projector-1"],
};
const kinds = allFaults({ transactionTimeoutMs: 3_000, sessionTimeoutMs: 6_000 });
const draw = (seed: string, on = stage) => [...drawSchedule(seed, on, kinds, usualDensity)];

Deno.test("the same seed draws the same schedule", () => {
  assertEquals(draw("one"), draw("one"));
});

Deno.test("another seed draws another schedule", () => {
  assertNotEquals(draw("one"), draw("two"));
});

Deno.test("every kind of fault is drawn early on its track", () => {
  for (const [track, faults] of draw("three", { ...stage, brokers: 3 })) {
    const ofTrack = kinds.filter((kind) => kind.track === track).map(({ kind }) => kind);
    const early = faults.slice(0, ofTrack.length).map(({ kind }) => kind);
    assertEquals(early.toSorted(), ofTrack.toSorted());
    assertGreater(faults.length, ofTrack.length);
  }
});

Deno.test("faults that need three brokers are not drawn for one", () => {
  const needing = new Set(kinds.filter((kind) => kind.needsThreeBrokers).map(({ kind }) => kind));
  for (const [, faults] of draw("four")) {
    assertEquals(faults.filter(({ kind }) => needing.has(kind)), []);
  }
});
