/** A redrive's pace, by a clock of the test. */
import { paceOf } from "../../src/engine/dead_letters/redrive_pace.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

function clockAt(start: number) {
  const clock = {
    time: start,
    now: () => clock.time,
    delay(ms: number, signal?: AbortSignal) {
      signal?.throwIfAborted();
      clock.time += ms;
      return Promise.resolve();
    },
  };
  return clock;
}

Deno.test("so many a second, in tenths, and nothing is caught up after a pause", async () => {
  const clock = clockAt(1_000);
  const pace = paceOf(50, clock);
  assertEquals(pace.batchRecordsMax, 5);
  for (let batch = 0; batch < 10; batch++) await pace.wait(5);
  assertEquals(clock.time, 1_900);
  clock.time += 60_000;
  const resumed = clock.time;
  for (let batch = 0; batch < 11; batch++) await pace.wait(5);
  assertEquals(clock.time - resumed, 1_000);
});

Deno.test("a pace of one a second sends one at a time, and ends at the signal", async () => {
  const clock = clockAt(0);
  const pace = paceOf(1, clock);
  assertEquals(pace.batchRecordsMax, 1);
  await pace.wait(1);
  await assertRejects(() => pace.wait(1, AbortSignal.abort(new Error("ended"))), Error, "ended");
});

Deno.test("a pace that is none is refused before anything is sent", () => {
  for (const wrong of [0, -1, 1.5, NaN, Infinity, 1_000_001]) {
    assertThrows(() => paceOf(wrong), TypeError, "from 1 to 1000000");
  }
});
