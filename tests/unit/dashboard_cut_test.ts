import { hasReached, recordsBehind } from "../../src/app/dashboard/has_reached.ts";
import { type PipelineNames, readKafkaRanges } from "../../src/app/dashboard/kafka_ranges.ts";
import { assert, assertEquals } from "../support/assert.ts";

const names: PipelineNames = {
  ordersTopic: "orders",
  invoicesTopic: "invoices",
  deadLettersTopic: "orders.DLQ",
  cursorTopic: "cursor",
  relayGroup: "relay",
  flowGroup: "flow",
  shards: 2,
  partitions: () => 2,
};

Deno.test("the ends of a cut are read after all of its committed offsets", async () => {
  const asked: string[] = [];
  const ranges = await readKafkaRanges({
    committedOffset: async (group, { topic, partition }) => {
      await Promise.resolve();
      asked.push(`committed ${group} ${topic}-${partition}`);
      return partition === 0 ? 7 : -1;
    },
    range: ({ topic, partition }) => {
      asked.push(`range ${topic}-${partition}`);
      return Promise.resolve({ start: 0, end: 10 });
    },
  }, names);
  const lastCommitted = asked.findLastIndex((line) => line.startsWith("committed"));
  const firstRange = asked.findIndex((line) => line.startsWith("range"));
  assert(lastCommitted < firstRange, asked.join("; "));
  assertEquals(ranges.relay, [{ shard: 0, next: 7 }, { shard: 1, next: 0 }]);
  assertEquals(ranges.worker, [{ partition: 0, next: 7 }, { partition: 1, next: 0 }]);
  assertEquals(ranges.ends.length, 6);
});

Deno.test("a cut is reached when every partition is folded up to its end", () => {
  const ends = [
    { topic: "orders", partition: 0, start: 0, end: 10 },
    { topic: "orders", partition: 1, start: 0, end: 0 },
  ];
  assert(hasReached([{ topic: "orders", partition: 0, next: 10 }], ends));
  assert(!hasReached([{ topic: "orders", partition: 0, next: 9 }], ends));
  assert(!hasReached([], ends), "nothing folded yet");
});

Deno.test("records that retention has deleted are not counted as a lag", () => {
  const ends = [{ topic: "orders", partition: 0, start: 100, end: 110 }];
  assertEquals(recordsBehind([{ topic: "orders", partition: 0, next: 104 }], ends), 6);
  assertEquals(recordsBehind([], ends), 10);
  assertEquals(recordsBehind([{ topic: "orders", partition: 0, next: 112 }], ends), 0);
});
