import { LogDoubts } from "../../src/engine/kafka/log_doubts.ts";
import type { LogMark } from "../../src/engine/kafka/log_mark.ts";
import type { PartitionFeed } from "../../src/engine/kafka/partition_feed.ts";
import { assertEquals } from "../support/assert.ts";

/** What is compared of a feed, and what became of it. */
function feedOf(partition: number, divergence: () => Promise<string | undefined>) {
  const failures: string[] = [];
  const feed = {
    ...{ topic: "t", partition, wanted: 5 },
    fetchedBelow: { leaderEpoch: 0, lastOffset: 4 } as LogMark,
    options: { divergence },
    fail: (error: Error) => failures.push(error.message),
  } as unknown as PartitionFeed;
  return { feed, failures };
}

Deno.test("a partition whose leader does not answer holds up no other", async () => {
  const stop = new AbortController();
  let ring = Promise.withResolvers<void>();
  const refused: number[] = [];
  const doubts = new LogDoubts(
    () => {
      ring.resolve();
      ring = Promise.withResolvers();
    },
    stop.signal,
    { refused: ({ partition }) => refused.push(partition) },
  );
  const hanging = Promise.withResolvers<string | undefined>();
  const silent = feedOf(0, () => hanging.promise);
  const same = feedOf(1, () => Promise.resolve(undefined));
  const other = feedOf(2, () => Promise.resolve("it has another batch there"));
  const all = [silent.feed, same.feed, other.feed];
  for (const feed of all) doubts.add(feed);
  const first = ring.promise;
  assertEquals(all.map((feed) => doubts.holds(feed)), [true, true, true]);
  await first;
  await Promise.resolve();
  assertEquals(all.map((feed) => doubts.holds(feed)), [true, false, false]);
  assertEquals([silent, same, other].map(({ failures }) => failures.length), [0, 0, 1]);
  const second = ring.promise;
  hanging.reject(new Error("no leader"));
  stop.abort();
  await second;
  await doubts.ended();
  assertEquals(refused, []);
});
