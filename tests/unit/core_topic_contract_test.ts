import { z } from "zod";
import { PoisonError } from "../../src/engine/core/errors.ts";
import type { InputRecord } from "../../src/engine/core/record.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const texts = topic("texts", { read: z.object({ text: z.string() }), key: ({ text }) => text });

/** As the Kafka room reads it: with a decoder that replaces what is broken. */
function read(value: Uint8Array | null): InputRecord & { valueText(): string | null } {
  return {
    ...{ topic: "texts", partition: 0, offset: 0, timestamp: 0, key: null, value, headers: [] },
    valueText: () => value && new TextDecoder().decode(value),
  };
}

Deno.test("bytes that are no UTF-8 are poison, although their record's decoder would replace them", () => {
  const good = new TextEncoder().encode('{"text":"x"}');
  const broken = good.with(good.indexOf(0x78), 0xff);
  assertEquals(texts.decode(read(good)), { text: "x" });
  assertThrows(() => texts.decode(read(broken)), PoisonError, "UTF-8");
});

Deno.test("a replacement character that was written as such is text like any other", () => {
  const value = new TextEncoder().encode('{"text":"\ufffd"}');
  assertEquals(texts.decode(read(value)), { text: "\ufffd" });
});

Deno.test("a tombstone is poison, whether its record decodes text or not", () => {
  const { valueText: _, ...plain } = read(null);
  for (const record of [read(null), plain]) {
    assertThrows(() => texts.decode(record), PoisonError, "tombstone");
  }
});
