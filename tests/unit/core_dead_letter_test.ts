/** A dead letter always fits, and says what it lacks. */
import fc from "fast-check";
import { createHash } from "node:crypto";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import {
  encodedBytes,
  type Header,
  headerText,
  type InputRecord,
} from "../../src/engine/core/record.ts";
import { originalHeaders } from "../../src/engine/dead_letters/read_dead_letter.ts";
import { assert, assertEquals } from "../support/assert.ts";

const reason = {
  errorClass: "PoisonError",
  error: "n".repeat(5_000),
  attempts: 1,
  groupId: "onceflow.x",
};
const place = { topic: "orders", partition: 3, offset: 42, timestamp: -1 };

const letterOf = (
  parts: Pick<InputRecord, "key" | "value" | "headers">,
  recordBytesMax: number,
) =>
  deadLetter({ ...place, ...parts }, reason, {
    topic: "orders.DLQ",
    partitionCount: 4,
    recordBytesMax,
  });

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

Deno.test("a value that is too large is cut to what fits, and size and SHA-256 are said", () => {
  const value = crypto.getRandomValues(new Uint8Array(30_000));
  const key = new TextEncoder().encode("k");
  const headers: Header[] = [["trace", Uint8Array.of(1)]];
  const letter = letterOf({ key, value, headers }, 20_000);
  assert(encodedBytes(letter) <= 20_000 && encodedBytes(letter) > 19_500);
  assertEquals(letter.key, key);
  assertEquals(letter.value, value.subarray(0, letter.value?.length));
  assertEquals(headerText(letter.headers, "x-original-value-bytes"), "30000");
  assertEquals(headerText(letter.headers, "x-original-value-sha256"), sha256(value));
  assertEquals(headerText(letter.headers, "x-truncated"), "value");
  assertEquals(headerText(letter.headers, "x-original-offset"), "42");
  assertEquals(originalHeaders(letter.headers), headers);
});

Deno.test("whatever is large, the letter fits, says what is not whole, and keeps the rest", () => {
  const size = fc.constantFrom(0, 1, 100, 5_000, 9_000, 12_000, 40_000);
  const bytes = fc.option(size.map((length) => new Uint8Array(length).fill(7)), { nil: null });
  const headers = fc.array(
    fc.tuple(
      fc.constantFrom("a", "b".repeat(300), "é", "x-parked"),
      fc.option(fc.constantFrom(0, 10, 3_000).map((n) => new Uint8Array(n)), { nil: null }),
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(
      bytes,
      bytes,
      headers,
      fc.constantFrom(9_000, 20_000, 100_000),
      (key, value, drawn, max) => {
        const parked = drawn.filter(([name]) => name === "x-parked").slice(0, 1);
        const others = drawn.filter(([name]) => name !== "x-parked");
        const given = [...others, ...parked];
        const letter = letterOf({ key, value, headers: given }, max);
        const kept = originalHeaders(letter.headers);
        const cut = (headerText(letter.headers, "x-truncated") ?? "").split(",");
        assert(encodedBytes(letter) <= max + 3_100 * parked.length);
        assertEquals(cut.includes("key"), letter.key !== key);
        assertEquals(cut.includes("value"), letter.value?.length !== value?.length);
        assertEquals(cut.includes("headers"), kept.length !== given.length);
        assertEquals(kept.some(([name]) => name === "x-parked"), parked.length > 0);
        if (key !== null && letter.key === null) {
          assertEquals(headerText(letter.headers, "x-original-key-sha256"), sha256(key));
        }
      },
    ),
  );
});

Deno.test("around the limit each size fits, is whole where it can be, and says size and SHA-256 where it is not", () => {
  const long = { topic: "o".repeat(249), error: "\u20ac".repeat(5_000), groupId: "g".repeat(249) };
  const parts = fc.record({
    max: fc.constantFrom(6_000, 9_000, 20_000),
    part: fc.constantFrom("value", "key", "headers"),
    around: fc.integer({ min: -60, max: 60 }),
  });
  const empty = { key: null, value: null, headers: [] };
  const write = (record: Partial<InputRecord>, max: number) =>
    deadLetter({ ...place, ...empty, ...record, topic: long.topic }, { ...reason, ...long }, {
      topic: "orders.DLQ",
      partitionCount: 4,
      recordBytesMax: max,
    });
  fc.assert(
    fc.property(parts, ({ max, part, around }) => {
      const room = max - encodedBytes(write(empty, max));
      const bytes = crypto.getRandomValues(new Uint8Array(Math.max(0, room + around)));
      const given = part === "headers"
        ? { ...empty, headers: [["h", bytes] as const] }
        : { ...empty, [part]: bytes };
      const letter = write(given, max);
      assert(encodedBytes(letter) <= max, `${encodedBytes(letter)} of ${max}`);
      const text = (name: string) => headerText(letter.headers, name);
      const fits = encodedBytes({
        ...write(empty, max),
        ...given,
        headers: [
          ...given.headers,
          ...write(empty, max).headers,
        ],
      }) <= max;
      assertEquals(text("x-truncated"), fits ? undefined : part);
      if (fits) return;
      if (part === "headers") return assertEquals(text("x-original-headers"), "1");
      assertEquals(text(`x-original-${part}-bytes`), String(bytes.length));
      assertEquals(text(`x-original-${part}-sha256`), sha256(bytes));
    }),
    { numRuns: 500 },
  );
});

Deno.test("records that were not unpacked are a letter that names their place alone", () => {
  const unread = { lastOffset: 49, records: 8, batchBytes: 600_000, reason: "it grows" };
  const parts = { key: null, value: null, headers: [] };
  const letter = deadLetter({ ...place, ...parts, unread }, reason, {
    topic: "orders.DLQ",
    partitionCount: 4,
  });
  const text = (name: string) => headerText(letter.headers, name);
  assertEquals(letter.value, null);
  assertEquals([text("x-original-offset"), text("x-original-last-offset")], ["42", "49"]);
  assertEquals([text("x-original-records"), text("x-by-reference")], ["8", "true"]);
  assertEquals(originalHeaders(letter.headers), []);
});
