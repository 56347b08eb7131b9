import { type Brought, fetchPauseMs, fetchWaitMs } from "../../src/engine/kafka/fetch_pause.ts";
import { assert, assertEquals } from "../support/assert.ts";

const pauseMsMax = 15;
const pauseAfter = (records: number, bytes = records * 250) =>
  fetchPauseMs({ records, bytes } satisfies Brought, pauseMsMax);

/** The pause that fetches settle at, when so many records a second arrive in a steady stream. */
function settled(recordsPerSecond: number, startMs: number): number {
  let pauseMs = startMs;
  for (let fetch = 0; fetch < 200; fetch++) {
    const roundTripMs = 1.5;
    pauseMs = pauseAfter(Math.ceil(recordsPerSecond * (pauseMs + roundTripMs) / 1_000));
  }
  return pauseMs;
}

Deno.test("a record that comes alone is followed by no pause", () => {
  assertEquals(pauseAfter(0), 0);
  assertEquals(pauseAfter(1), 0);
});

Deno.test("at a hundred records a second there is no pause, not even after a burst", () => {
  assertEquals(settled(100, 0), 0);
  assertEquals(settled(100, pauseMsMax), 0);
});

Deno.test("at a thousand records a second pauses grow to their limit", () => {
  assertEquals(settled(1_000, 0), pauseMsMax);
});

Deno.test("a backlog is fetched without pauses", () => {
  assert(pauseAfter(1_000) > 0);
  assertEquals(pauseAfter(2_000), 0);
});

Deno.test("a fetch of very many partitions may wait longer, and never longer than a second", () => {
  assertEquals([4, 64, 1_000, 100_000].map((count) => fetchWaitMs(250, count)), [
    252,
    282,
    750,
    1_000,
  ]);
});
