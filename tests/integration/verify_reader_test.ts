import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import { openTestReader } from "../support/mutants/pipeline.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("questions asked at the same time each get their own answer", async () => {
  await using reader = await openTestReader(AbortSignal.timeout(30_000));
  const keys = Array.from({ length: 100 }, (_, n) => new TextEncoder().encode(`order-${n}`));
  const answers = await Promise.all(keys.map((key) => reader.partitionOf(key, 1000)));
  assertEquals(answers, keys.map((key) => partitionForKey(key, 1000)));
});
