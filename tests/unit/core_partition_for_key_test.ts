import { murmur2, partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import { assertEquals } from "../support/assert.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("keys hash as Kafka's Java client hashes them", () => {
  // The vectors of the Java client's own test of Utils.murmur2.
  const vectors: [string, number][] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [key, hash] of vectors) assertEquals(murmur2(bytes(key)), hash, key);
});

Deno.test("a key as text and as bytes is in the same partition", () => {
  for (const key of ["", "a", "order-17", "Grüße", "鍵", "k".repeat(300), "é".repeat(200)]) {
    assertEquals(partitionForKey(key, 12), partitionForKey(bytes(key), 12), key);
  }
});
