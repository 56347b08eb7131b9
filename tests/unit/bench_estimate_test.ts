/** How long the benchmark says that it takes. */
import { inMinutes, secondsLeft } from "../../src/tools/bench/estimate.ts";
import { namedOnly, sectionNames } from "../../src/tools/bench/plan.ts";
import { assert, assertEquals } from "../support/assert.ts";

const all = sectionNames.filter((name) => !namedOnly.includes(name));

Deno.test("what is left is what it took once, at the pace of this machine", () => {
  const whole = secondsLeft(all, []) ?? NaN;
  assert(whole > 120 && whole < 600, String(whole));
  const [drain = "drain", ...rest] = all;
  const slow = secondsLeft(all, [{ name: drain, seconds: 60 }]);
  assertEquals(slow, (whole - 30) * 2);
  assertEquals(secondsLeft(all, all.map((name) => ({ name, seconds: 1 }))), 0);
  assertEquals(secondsLeft([drain, "peers"], []), undefined);
  assert(rest.length > 8);
});

Deno.test("minutes are said as a person would", () => {
  assertEquals([10, 50, 100, 232].map(inMinutes), [
    ...["less than a minute", "about a minute", "about 2 minutes", "about 4 minutes"],
  ]);
});
