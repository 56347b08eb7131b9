import { Buffer } from "node:buffer";
import * as v from "valibot";
import { z } from "zod";
import { DependencyDownError, PoisonError } from "../../src/engine/core/errors.ts";
import type { InputRecord } from "../../src/engine/core/record.ts";
import { bytesTopic, textTopic } from "../../src/engine/core/plain_topics.ts";
import type { Serde } from "../../src/engine/core/serde.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { assertEquals, assertStrictEquals, assertThrows } from "../support/assert.ts";

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

Deno.test("a tombstone is the event that its topic makes of it", () => {
  const carts = topic("carts", {
    read: z.object({ id: z.string(), items: z.int() }),
    key: ({ id }) => id,
    tombstone(key) {
      if (key === null) throw new Error("whose?");
      return { id: new TextDecoder().decode(key), items: 0 };
    },
  });
  assertThrows(() => carts.decode({ key: null, value: null }), PoisonError, "whose?");
  const key = new TextEncoder().encode("a");
  assertEquals(carts.decode({ key, value: null }), { id: "a", items: 0 });
});

Deno.test("an emission names key, headers, partition and time where it is asked to", () => {
  const plain = texts.event({ text: "x" });
  assertEquals(plain, {
    ...{ topic: "texts", key: "x", value: '{"text":"x"}', headers: [] },
    ...{ partition: undefined, timestamp: undefined },
  });
  const bytes = Uint8Array.of(1, 2);
  const emission = texts.event({ text: "x" }, {
    ...{ key: null, partition: 3, timestamp: new Date(1_000) },
    headers: { kind: "test", raw: bytes, none: null },
  });
  assertEquals(emission, {
    ...{ topic: "texts", key: null, value: '{"text":"x"}', partition: 3, timestamp: 1_000 },
    headers: [["kind", new TextEncoder().encode("test")], ["raw", bytes], ["none", null]],
  });
  const twice = [["a", null], ["a", bytes]] as const;
  assertEquals(texts.tombstone("k", { headers: twice }), {
    ...{ topic: "texts", key: "k", value: null, headers: twice },
    ...{ partition: undefined, timestamp: undefined },
  });
});

Deno.test("a partition or a time that is no whole number is refused", () => {
  for (const wrong of [-1, 1.5, NaN]) {
    assertThrows(() => texts.event({ text: "x" }, { partition: wrong }), RangeError, "partition");
    assertThrows(() => texts.tombstone("k", { timestamp: wrong }), RangeError, "timestamp");
  }
  const never = new Date(NaN);
  assertThrows(() => texts.event({ text: "x" }, { timestamp: never }), RangeError, "timestamp");
});

const value = (text: string) => ({ key: null, value: new TextEncoder().encode(text) });

Deno.test("a schema of another library reads, fills in, refuses and writes", () => {
  const shape = v.object({ id: v.string(), at: v.object({ n: v.optional(v.number(), 7) }) });
  const events = topic("events", { read: shape, key: ({ id }) => id });
  assertEquals(events.decode(value('{"id":"a","at":{}}')), { id: "a", at: { n: 7 } });
  const wrong = value('{"id":"a","at":{"n":"x"}}');
  assertThrows(() => events.decode(wrong), PoisonError, "does not fit the schema: at.n: ");
  assertEquals(events.event({ id: "a", at: { n: 1 } }).value, '{"id":"a","at":{"n":1}}');
  const badly = { id: 1, at: { n: 1 } } as unknown as { id: string; at: { n: number } };
  assertThrows(() => events.event(badly), TypeError, "events does not fit the schema: id: ");
});

Deno.test("a schema that validates asynchronously is refused where its topic is declared, or at its first answer", () => {
  const always = v.objectAsync({ id: v.string() });
  const declare = () => topic("events", { read: always, key: ({ id }: { id: string }) => id });
  assertThrows(declare, TypeError, "asynchronously");
  const sometimes = {
    "~standard": {
      ...{ version: 1 as const, vendor: "own" },
      validate: (value: unknown) =>
        value === undefined
          ? { issues: [{ message: "nothing" }] }
          : Promise.resolve({ value: String(value) }),
    },
  };
  const events = topic("events", { read: sometimes, key: (text) => text });
  assertThrows(() => events.decode(value("1")), TypeError, "asynchronously");
  const noSchema = {} as unknown as typeof sometimes;
  assertThrows(
    () => topic("events", { read: noSchema, key: (text) => text }),
    TypeError,
    "no Standard Schema",
  );
});

/** As a registry's client frames a value: a zero, the schema's id, then what its schema says. */
function registrySerde(known: Map<number, string>): Serde<{ unit: string; n: number }> {
  return {
    decode(bytes, { topic }) {
      const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      const id = view.readUint32BE(1);
      const unit = known.get(id);
      if (unit === undefined) throw new DependencyDownError("registry", `${topic}: schema ${id}`);
      return { unit, n: view.readInt32BE(5) };
    },
    encode({ n }) {
      const bytes = Buffer.alloc(9);
      bytes.writeUint32BE(1, 1);
      bytes.writeInt32BE(n, 5);
      return bytes;
    },
  };
}

Deno.test("a serde reads and writes; what it cannot read is poison, what its registry lacks is waited for", () => {
  const known = new Map<number, string>();
  const weights = topic("weights", {
    serde: registrySerde(known),
    key: ({ unit }) => unit,
    checkKey: true,
  });
  const emission = weights.event({ unit: "kg", n: 5 });
  const written = { key: new TextEncoder().encode("kg"), value: emission.value as Uint8Array };
  assertThrows(() => weights.decode(written), DependencyDownError, "weights: schema 1");
  known.set(1, "kg");
  assertEquals(weights.decode(written), { unit: "kg", n: 5 });
  assertThrows(() => weights.decode({ ...written, key: null }), PoisonError, "key must be");
  const short = { ...written, value: Uint8Array.of(0) };
  assertThrows(() => weights.decode(short), PoisonError, "cannot be decoded");
  assertThrows(() => weights.decode({ ...written, value: null }), PoisonError, "tombstone");
  const slow = topic("slow", { serde: { decode: async () => {}, encode: () => new Uint8Array() } });
  assertThrows(() => slow.decode(written), TypeError, "answers with a promise");
});

Deno.test("bytes and text pass as they are, and have a key where they are given one", () => {
  const blobs = bytesTopic("blobs");
  const bytes = Uint8Array.of(0, 255);
  assertStrictEquals(blobs.decode({ key: null, value: bytes }), bytes);
  assertEquals([blobs.event(bytes).key, blobs.event(bytes, { key: bytes }).key], [null, bytes]);
  const lines = textTopic("lines", { key: (line) => line.slice(0, 1) });
  const marked = lines.event("\ufeffabc");
  const written = { key: null, value: marked.value as Uint8Array };
  assertEquals([lines.decode(written), marked.key], ["\ufeffabc", "\ufeff"]);
  assertThrows(() => lines.decode({ key: null, value: bytes }), PoisonError, "cannot be decoded");
});
