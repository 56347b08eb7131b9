/** The benchmark's arithmetic: spreads, pairwise ratios, slopes, and the events that outputs are checked by. */
import { assertEquals, assertGreater, assertThrows } from "../support/assert.ts";
import { benchKey, benchOrderOf, numberOfKey } from "../../src/tools/bench/bench_event.ts";
import { slopeOf } from "../../src/tools/bench/soak_section.ts";
import { pairRatios, spreadOf } from "../../src/tools/bench/statistics.ts";

Deno.test("a spread keeps the rounds in their order and takes the middle one", () => {
  assertEquals(spreadOf([5, 1, 3]), { median: 3, low: 1, high: 5, values: [5, 1, 3] });
});

Deno.test("the median of an even number of rounds lies between the two in the middle", () => {
  assertEquals(spreadOf([4, 1, 3, 2]).median, 2.5);
});

Deno.test("a spread of nothing is refused", () => {
  assertThrows(() => spreadOf([]), RangeError);
});

Deno.test("ratios are taken round by round, so that a slow round of both cancels out", () => {
  assertEquals(pairRatios([100, 10, 50], [100, 10, 100]), {
    median: 1,
    low: 0.5,
    high: 1,
    values: [1, 1, 0.5],
  });
});

Deno.test("the slope of a line is found, and none in too few points", () => {
  assertEquals(slopeOf([0, 1, 2], [10, 12, 14]), 2);
  assertEquals(slopeOf([0], [10]), 0);
});

Deno.test("an event's number is found in its key, and only in ours", () => {
  for (const number of [0, 7, 999_999_999]) assertEquals(numberOfKey(benchKey(number)), number);
  for (const key of ["", "order-", "order-12", "invoice-0000000001", "order-00000x0001"]) {
    assertEquals(numberOfKey(key), -1);
  }
});

Deno.test("an event is the same each time and has about 250 bytes", () => {
  assertEquals(benchOrderOf(42), benchOrderOf(42));
  const bytes = JSON.stringify(benchOrderOf(42)).length;
  assertGreater(bytes, 220);
  assertGreater(280, bytes);
});
