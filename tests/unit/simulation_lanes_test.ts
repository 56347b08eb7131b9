/**
 * The engine's own lanes, committer, deliveries, checkpoints, parked keys and state over thousands of seeded schedules in
 * virtual time: crashes, frozen members that wake up, rebalances, late requests, lost answers. And that mistakes planted
 * there are found.
 */
import { mistakes, soundParts } from "../support/simulation/mistakes.ts";
import { simulate } from "../support/simulation/simulate.ts";
import type { Mistake } from "../support/simulation/worker.ts";
import { assertEquals, assertGreater, fail } from "../support/assert.ts";

/** The seed that a failure names, to run that schedule alone. */
const replay: number | undefined = undefined;
const schedules = 1_000;
/** The mistake that is hardest to find needs some thousand. */
const schedulesOfMistakeMax = 5_000;

/** The first schedule that shows something wrong. */
async function firstFinding(mistake: Mistake, seedsMax: number) {
  for (let seed = 0; seed < seedsMax; seed++) {
    const { findings } = await simulate(seed, mistake);
    if (findings.length > 0) return { seed, findings };
  }
}

Deno.test(`what is committed is the transform of each partition, in order, in ${schedules} schedules`, async () => {
  const seeds = replay === undefined
    ? Array.from({ length: schedules }, (_, seed) => seed)
    : [replay];
  const sum = { crashes: 0, freezes: 0, generations: 0, deadLetters: 0, records: 0 };
  for (const seed of seeds) {
    const outcome = await simulate(seed);
    if (outcome.findings.length > 0) {
      fail(`seed ${seed} (set "replay" to it):\n${outcome.findings.join("\n")}`);
    }
    sum.crashes += outcome.crashes;
    sum.freezes += outcome.freezes;
    sum.generations += outcome.generations;
    sum.deadLetters += outcome.deadLetters;
    sum.records += outcome.records;
  }
  if (replay !== undefined) return;
  // It is no quiet world.
  assertGreater(sum.crashes, schedules);
  assertGreater(sum.freezes, schedules);
  assertGreater(sum.generations, 4 * schedules);
  assertGreater(sum.deadLetters, 4 * schedules);
  assertGreater(sum.records, 30 * schedules);
});

Deno.test("a seed is one schedule, each time", async () => {
  for (const seed of [3, 4, 5, 6]) assertEquals(await simulate(seed), await simulate(seed));
});

for (const [name, mistake] of Object.entries(mistakes)) {
  Deno.test(`a planted mistake is found: ${name}`, async () => {
    const found = await firstFinding(mistake, schedulesOfMistakeMax);
    if (!found) fail(`not found in ${schedulesOfMistakeMax} schedules`);
  });
}

for (const [name, part] of Object.entries(soundParts)) {
  Deno.test(`what is no mistake is not found: ${name}`, async () => {
    assertEquals(await firstFinding(part, 200), undefined);
  });
}
