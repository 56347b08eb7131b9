import { exactlyOnce } from "../../src/core/delivery.ts";
import type { Assignment, CommittedOffset } from "../../src/core/ports.ts";
import { settledOffset } from "../../src/core/settled_offset.ts";
import { assertEquals } from "../support/assert.ts";

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

Deno.test("a group that never committed starts at once", async () => {
  const { read, asked } = answers(-1);
  const delivery = exactlyOnce({
    open: (transactionalId) =>
      Promise.resolve({
        transactionalId,
        commit: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    stableOffset: read,
  }, { find: () => Promise.resolve(undefined), note: () => ({}) as never });
  const reader = { topic: "orders", partition: 0 };
  await using session = await delivery.open({ groupId: "g", reader, signal } as Assignment);
  assertEquals([session.start.offset, asked()], [-1, 1]);
});
