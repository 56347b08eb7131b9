import { exactlyOnce } from "../../src/engine/core/delivery.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import type { LaneCheckpoint } from "../../src/engine/core/lane_checkpoints.ts";
import type { Assignment, CommittedOffset } from "../../src/engine/core/ports.ts";
import { settledOffset } from "../../src/engine/core/settled_offset.ts";
import { assertEquals, assertRejects, fakeClock } from "../support/assert.ts";

const signal = new AbortController().signal;

/** Gives these offsets one after the other, the last of them for ever. */
function answers(...offsets: readonly number[]) {
  let asked = 0;
  const read = (): Promise<CommittedOffset> => {
    const offset = offsets[Math.min(asked++, offsets.length - 1)] ?? -1;
    return Promise.resolve({ offset, metadata: "" });
  };
  return { read, asked: () => asked };
}

const quick = { settleMs: 60, pauseMs: 1 };

Deno.test("neither none nor an old offset counts while a broker still loads its offsets", async () => {
  const { read } = answers(-1, -1, 3, 5, 7);
  assertEquals((await settledOffset(read, signal, quick)).offset, 7);
});

Deno.test("an offset that stays away is gone", async () => {
  assertEquals((await settledOffset(answers(-1).read, signal, quick)).offset, -1);
});

/** A session of a lane whose group's offset is read like this. */
function openLane(
  read: () => Promise<CommittedOffset>,
  known?: number,
  checkpoint?: LaneCheckpoint,
) {
  const nothing = () => Promise.resolve();
  const committer = {
    ready: () => Promise.resolve(0),
    takeOver: nothing,
    commit: nothing,
    stableOffset: read,
  };
  const delivery = exactlyOnce(committer, {
    find: () => Promise.resolve(checkpoint),
    record: () => ({}) as never,
    committed() {},
  });
  const reader = { topic: "orders", partition: 0 };
  return delivery.open({ groupId: "g", reader, signal } as Assignment, known);
}

/** Lets fake time go by while this is under way. */
async function passing<T>(work: Promise<T>): Promise<T> {
  using clock = fakeClock();
  for (let tick = 0; tick < 200; tick++) {
    await clock.tickAsync(250);
  }
  return await work;
}

Deno.test("a group that never committed starts at once", async () => {
  const { read, asked } = answers(-1);
  await using session = await openLane(read);
  assertEquals([session.start.offset, asked()], [-1, 1]);
});

Deno.test("an offset below what this lane saw committed does not count while a broker still loads", async () => {
  await using session = await passing(openLane(answers(3, 3, 7).read, 7));
  assertEquals(session.start.offset, 7);
});

Deno.test("an offset below what was noted of the lane does not count, in a process that never committed", async () => {
  const checkpoint = { topicId: "", offset: 7 };
  await using session = await passing(openLane(answers(3, 3, 7).read, -1, checkpoint));
  assertEquals(session.start.offset, 7);
  await passing(assertRejects(() => openLane(answers(3).read, -1, checkpoint), HaltError, "lost"));
});

Deno.test("an offset that stays below what this lane saw committed halts it", async () => {
  await passing(assertRejects(() => openLane(answers(3).read, 7), HaltError, "lost"));
});
