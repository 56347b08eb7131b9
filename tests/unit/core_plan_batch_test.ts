import { z } from "zod";
import { PoisonError } from "../../src/engine/core/errors.ts";
import { defineFlow, type FlowOptions, inNamespace } from "../../src/engine/core/flow.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import type { ParkingPlan } from "../../src/engine/core/parking.ts";
import { planBatch } from "../../src/engine/core/plan_batch.ts";
import { headerText, type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const event = z.object({ id: z.string(), n: z.int().default(0) });
const input = topic("in", { read: event, key: ({ id }) => id });
const output = topic("out", { read: event, key: ({ id }) => id });
const signal = new AbortController().signal;
const target = { partitionCount: () => 4, recordBytesMax: 1_000, planMsMax: 60_000 };

type Event = z.output<typeof event>;
type EventOf = ReturnType<typeof output.event>;

const flowOf = (transform: FlowOptions<Event>["transform"]) =>
  defineFlow({ name: "test", from: input, to: [output], transform });

function recordOf(offset: number, value: unknown): InputRecord {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { topic: "in", partition: 0, offset, timestamp: 0, key: null, value: bytes, headers: [] };
}

Deno.test("outputs and dead letters stand in the order of their inputs", async () => {
  const flow = flowOf((event) => {
    if (event.n === 1) throw new PoisonError("one is bad");
    return [output.event(event), output.event({ ...event, n: event.n + 10 })];
  });
  const records = [0, 1, 2].map((n) => recordOf(n, { id: "a", n }));
  const plan = await planBatch(flow, records, target, { signal });
  assertEquals(plan.outputs.map(({ topic }) => topic), ["out", "out", "in.test.DLQ", "out", "out"]);
  assertEquals({ taken: plan.taken, deadLetters: plan.deadLetters }, { taken: 3, deadLetters: 1 });
});

Deno.test("row 16: an output over the limit makes its input a dead letter", async () => {
  const flow = flowOf(({ id }) => output.event({ id: id + "é".repeat(600), n: 0 }));
  const { outputs } = await planBatch(flow, [recordOf(0, { id: "a" })], target, { signal });
  assertEquals(outputs.map(({ topic }) => topic), ["in.test.DLQ"]);
  assertEquals(headerText(outputs[0]?.headers ?? [], "x-error-class"), "RecordTooLargeError");
  assertStringIncludes(headerText(outputs[0]?.headers ?? [], "x-error") ?? "", "REQUEST_BYTES_MAX");
});

Deno.test("a record of a flow that parks keys may have more outputs than a call has arguments", async () => {
  const count = 200_000;
  const flow = flowOf((event) => Array<EventOf>(count).fill(output.event(event)));
  const parking: ParkingPlan = {
    guard: (_, plan) => plan(),
    size: 0,
    numbered: (record) => record,
    entries: () => [],
    committed: () => {},
  };
  const records = [recordOf(0, { id: "a" })];
  const { outputs } = await planBatch(flow, records, target, { signal, parking });
  assertEquals(outputs.length, count);
});

Deno.test("a plan that takes long is cut, and the rest is left for the next one", async () => {
  const records = [0, 1, 2].map((n) => recordOf(n, { id: "a", n }));
  const spin = () => {
    for (const until = performance.now() + 3; performance.now() < until;);
  };
  const plan = await planBatch(flowOf(spin), records, { ...target, planMsMax: 1 }, { signal });
  assertEquals(plan.taken, 1);
});

Deno.test("a lookup is done once a plan, and again after it failed", async () => {
  let lookups = 0;
  const flow = defineFlow({
    ...flowOf(() => {}),
    retry: { retriesMax: 1, backoffMs: 1 },
    async transform(event, { once }) {
      const n = await once("rate", () => {
        if (++lookups === 1) return Promise.reject(new Error("not yet"));
        return Promise.resolve(7);
      });
      return output.event({ ...event, n });
    },
  });
  const records = ["a", "b", "c"].map((id, n) => recordOf(n, { id }));
  const plan = await planBatch(flow, records, target, { signal });
  assertEquals(plan.outputs.length, 3);
  assertEquals(lookups, 2);
});

Deno.test("an emission that its own schema refuses is a failure of the record", async () => {
  const flow = defineFlow({
    ...flowOf(() => {}),
    retry: { retriesMax: 0, backoffMs: 1 },
    transform: () => output.event({ id: "a", n: 1.5 }),
  });
  const plan = await planBatch(flow, [recordOf(0, { id: "a" })], target, { signal });
  assertEquals(plan.deadLetters, 1);
});

Deno.test("a flow that writes to its own input is refused", () => {
  assertThrows(
    () => defineFlow({ name: "loop", from: input, to: [input], transform: () => {} }),
    TypeError,
    "its own input",
  );
  assertThrows(
    () => defineFlow({ name: "a b", from: input, to: [], transform: () => {} }),
    TypeError,
    "letters, digits",
  );
});

Deno.test("an emission goes to the partition that it names; one that its topic lacks makes a dead letter", async () => {
  const flow = flowOf((event) => output.event(event, { partition: event.n, timestamp: 5 }));
  const records = [3, 4].map((n) => recordOf(n, { id: "a", n }));
  const { outputs, deadLetters } = await planBatch(flow, records, target, { signal });
  assertEquals(outputs.map(({ topic, partition }) => [topic, partition]), [
    ...[["out", 3], ["in.test.DLQ", 0]],
  ]);
  assertEquals([outputs[0]?.timestamp, deadLetters], [5, 1]);
  const facts = outputs[1]?.headers ?? [];
  assertEquals(headerText(facts, "x-error-class"), "NoSuchPartitionError");
  assertStringIncludes(headerText(facts, "x-error") ?? "", "names partition 4, and it has 4");
});

Deno.test("what has no key makes a dead letter where its topic is compacted", async () => {
  const flow = flowOf((event) => output.event(event, { key: null }));
  const compacted = { ...target, isCompacted: (topic: string) => topic === "out" };
  const { outputs } = await planBatch(flow, [recordOf(0, { id: "a" })], compacted, { signal });
  assertEquals(outputs.map(({ topic }) => topic), ["in.test.DLQ"]);
  assertEquals(headerText(outputs[0]?.headers ?? [], "x-error-class"), "NoKeyError");
});

Deno.test("what has no key goes to the partition of its input, modulo those of its topic", async () => {
  const flow = flowOf((event) => output.event(event, { key: null }));
  const records = [1, 6].map((partition) => ({ ...recordOf(partition, { id: "a" }), partition }));
  const { outputs } = await planBatch(flow, records, target, { signal });
  assertEquals(outputs.map(({ partition }) => partition), [1, 2]);
});

Deno.test("a transform sees key, headers and time of its record", async () => {
  const seen: unknown[] = [];
  const flow = flowOf((_event, context) => {
    const { key, timestamp, headers, header } = context;
    seen.push([key, timestamp, headers.length, header("a"), header("b")]);
  });
  const [key, headers] = [new TextEncoder().encode("é"), [
    textHeader("a", "1"),
    textHeader("a", "2"),
  ]];
  const records = [recordOf(0, { id: "a" }), {
    ...recordOf(1, { id: "a" }),
    key,
    headers,
    timestamp: 9,
  }];
  await planBatch(flow, records, target, { signal });
  assertEquals(seen, [[null, 0, 0, undefined, undefined], ["é", 9, 2, "2", undefined]]);
});

Deno.test("of several inputs each is read by its own contract, and has its own dead letters", async () => {
  const counts = topic("counts", { read: z.object({ count: z.int() }), key: () => "k" });
  const seen: (string | number)[] = [];
  const flow = defineFlow({
    name: "test",
    from: [input, counts],
    to: [output],
    transform(event) {
      seen.push("count" in event ? event.count : event.id);
    },
  });
  const records = [
    recordOf(0, { id: "a" }),
    { ...recordOf(0, { count: 7 }), topic: "counts" },
    { ...recordOf(1, { id: "b" }), topic: "counts" },
    recordOf(1, { count: 8 }),
  ];
  const { outputs } = await planBatch(flow, records, target, { signal });
  assertEquals(seen, ["a", 7]);
  assertEquals(outputs.map(({ topic }) => topic), ["counts.test.DLQ", "in.test.DLQ"]);
  const elsewhere = inNamespace(flow, namesIn("staging"));
  assertEquals(elsewhere.deadLettersOf("counts"), "staging.counts.test.DLQ");
  const named = defineFlow({ ...flow, from: flow.inputs, deadLetters: "letters" });
  assertEquals(inNamespace(named, namesIn("staging")).deadLettersOf("counts"), "letters");
});

Deno.test("inputs that are none, the same, or outputs too are refused", () => {
  const define = (from: readonly (typeof input)[]) =>
    defineFlow({ name: "loop", from, to: [output], transform: () => {} });
  assertThrows(() => define([]), TypeError, "reads no topic");
  assertThrows(() => define([input, input]), TypeError, "names an input twice");
  assertThrows(() => define([input, output]), TypeError, "its own input out");
});

Deno.test("an output of a time that its topic refuses makes a dead letter", async () => {
  const flow = flowOf((event) => output.event(event, { timestamp: event.n }));
  const records = [9, 10, 20, 21].map((n) => recordOf(n, { id: "a", n }));
  const timestamps = () => ({ msMin: 10, msMax: 20 });
  const { outputs } = await planBatch(flow, records, { ...target, timestamps }, { signal });
  const seen = outputs.map(({ timestamp, headers }) => timestamp ?? headerText(headers, "x-error"));
  assertEquals(seen.slice(1, 3), [10, 20]);
  assertStringIncludes(String(seen[0]), "message.timestamp.before.max.ms");
  assertStringIncludes(String(seen[3]), "message.timestamp.after.max.ms");
});
