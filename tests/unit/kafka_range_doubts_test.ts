import { HaltError } from "../../src/engine/core/errors.ts";
import type { LogRange } from "../../src/engine/core/ports.ts";
import { PartitionFeed } from "../../src/engine/kafka/partition_feed.ts";
import { RangeDoubts } from "../../src/engine/kafka/range_doubts.ts";
import { assertEquals, assertRejects, fakeClock } from "../support/assert.ts";

const bounds = { recordsMax: 10, bytesMax: 1_000 };
const never = new AbortController().signal;

/** A feed at offset 3 whose leader refuses each fetch, and that asks for the log's range so. */
function refused(range: (asked: number) => Promise<LogRange>, signal = never) {
  let asked = 0;
  const feed = new PartitionFeed({ topic: "t", partition: 0 }, {
    bufferBytesMax: () => 1_000,
    range: () => range(++asked),
    topicId: () => Promise.resolve(undefined),
    divergence: () => Promise.resolve(undefined),
    onHungry: () => {},
  });
  feed.seek(3);
  let judged = Promise.withResolvers<void>();
  const doubts = new RangeDoubts(() => judged.resolve(), signal);
  return {
    ...{ feed, doubts, asked: () => asked },
    /** A refusal, and what came of it. */
    async refuse(offset = 3) {
      judged = Promise.withResolvers();
      doubts.refused(feed, offset);
      assertEquals(doubts.has(feed), true);
      await judged.promise;
      assertEquals(doubts.has(feed), false);
      return feed.wanted;
    },
    halts: () => assertRejects(() => feed.next(bounds, never), HaltError, "outside the log"),
  };
}

Deno.test("an offset that is refused and lies inside the log's range is wanted on", async () => {
  const { refuse } = refused(() => Promise.resolve({ start: 3, end: 3 }));
  assertEquals(await refuse(), 3);
});

Deno.test("an offset that is refused and lies outside the log's range halts at once", async () => {
  for (const range of [{ start: 4, end: 9 }, { start: 0, end: 2 }]) {
    const { refuse, halts } = refused(() => Promise.resolve(range));
    assertEquals(await refuse(), undefined);
    await halts();
  }
});

Deno.test("an offset that is refused ten times in a row halts, whatever the log's range says", async () => {
  using clock = fakeClock();
  const { feed, doubts, refuse, halts, asked } = refused(() =>
    Promise.resolve({ start: 0, end: 9 })
  );
  const afterPause = async () => {
    const wanted = refuse();
    await clock.tickAsync(100);
    return await wanted;
  };
  assertEquals(await afterPause(), 3);
  doubts.served(feed); // only those in a row count
  while (await afterPause() !== undefined);
  assertEquals(asked(), 11);
  await halts();
});

Deno.test("a range that is not told halts nothing, nor does one of an offset that is wanted no more", async () => {
  const { refuse } = refused((asked) =>
    asked === 1 ? Promise.reject(new Error("no leader")) : Promise.resolve({ start: 0, end: 2 })
  );
  assertEquals(await refuse(), 3);
  assertEquals(await refuse(7), 3);
});

Deno.test("an end does not wait for a range", async () => {
  const stop = new AbortController();
  const { doubts, feed } = refused(() => new Promise(() => {}), stop.signal);
  doubts.refused(feed, 3);
  stop.abort();
  await doubts.ended();
  assertEquals(feed.wanted, 3);
});
