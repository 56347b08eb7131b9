/** State of keys: it stands where the outputs stand, whatever fails in between. */
import fc from "fast-check";
import { z } from "zod";
import { HaltError, PoisonError } from "../../src/engine/core/errors.ts";
import { defineFlow, type FlowOptions } from "../../src/engine/core/flow.ts";
import { keyName, KeyTable } from "../../src/engine/core/key_table.ts";
import { keyedState } from "../../src/engine/core/keyed_state.ts";
import { planBatch } from "../../src/engine/core/plan_batch.ts";
import { headerText, type InputRecord, type OutputRecord } from "../../src/engine/core/record.ts";
import { StatePlan } from "../../src/engine/core/state_plan.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const step = z.object({ key: z.string(), add: z.int(), bad: z.boolean().default(false) });
type Step = z.output<typeof step>;
const sum = z.object({ sum: z.int() });
const input = topic("steps", { read: step, key: ({ key }) => key });
const output = topic("sums", {
  read: sum.extend({ key: z.string(), note: z.string().optional() }),
  key: ({ key }) => key,
});
const signal = new AbortController().signal;
const target = { partitionCount: () => 4, recordBytesMax: 2_000, planMsMax: 60_000 };
const place = { topic: "sums.state", partition: 0, valueBytesMax: 500 };
const decoder = new TextDecoder();

type Transform = FlowOptions<Step, z.output<typeof sum>>["transform"];

const add: Transform = ({ key, add, bad }, { state }) => {
  const next = { sum: (state.get()?.sum ?? 0) + add };
  state.set(next);
  if (bad) throw new PoisonError("bad");
  return output.event({ key, ...next });
};

function flowOf(transform: Transform) {
  return defineFlow({
    ...{ name: "sums", from: input, to: [output], transform },
    state: keyedState({ read: sum }),
    retry: { retriesMax: 1, backoffMs: 1 },
  });
}

function recordOf(offset: number, value: Partial<Step>, key: string | null = value.key ?? null) {
  const encoder = new TextEncoder();
  const record: InputRecord = {
    ...{ topic: "steps", partition: 0, offset, timestamp: 1_000 + offset, headers: [] },
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(JSON.stringify({ add: 1, ...value })),
  };
  return record;
}

/** A worker with nothing but the table; what a transaction would have written is answered. */
function worker(
  transform: Transform = add,
  table = new KeyTable(Infinity, () => {}),
  nowMs = Date.now(),
) {
  const flow = flowOf(transform);
  return {
    table,
    async work(records: readonly InputRecord[], commits = true) {
      const state = new StatePlan(flow.state ?? keyedState({ read: sum }), table, place, nowMs);
      const plan = await planBatch(flow, records, target, { signal, state });
      const size = state.size;
      if (commits) {
        state.committed();
        assertEquals(table.size, size);
      }
      return plan.outputs;
    },
  };
}

const entriesOf = (outputs: readonly OutputRecord[]) =>
  outputs.filter(({ topic }) => topic === place.topic).map(({ key, value }) => [
    typeof key === "string" ? key : decoder.decode(key ?? undefined),
    value,
  ]);

Deno.test("a record sees what those before it have kept; one entry a key is written", async () => {
  const { work } = worker();
  const outputs = await work([1, 2, 3].map((add, n) => recordOf(n, { key: "é", add })));
  assertEquals(entriesOf(outputs), [["é", '{"sum":6}']]);
  assertEquals(outputs.filter(({ topic }) => topic === "sums").length, 3);
  assertEquals(entriesOf(await work([recordOf(3, { key: "é" })])), [["é", '{"sum":7}']]);
});

Deno.test("what a dead letter, an earlier attempt or an output that is too large has changed is dropped", async () => {
  let attempts = 0;
  const { work } = worker((event, context) => {
    const emissions = add(event, context);
    if (event.add === 7 && ++attempts === 1) throw new Error("once");
    if (event.add === 9) return output.event({ key: "k", sum: 0, note: "x".repeat(3_000) });
    return emissions;
  });
  const outputs = await work([
    recordOf(0, { key: "k", add: 1 }),
    recordOf(1, { key: "k", add: 100, bad: true }),
    recordOf(2, { key: "k", add: 7 }),
    recordOf(3, { key: "k", add: 9 }),
  ]);
  assertEquals(entriesOf(outputs), [["k", '{"sum":8}']]);
  assertEquals(outputs.map(({ topic }) => topic), [
    ...["sums", "steps.sums.DLQ", "sums", "steps.sums.DLQ", "sums.state"],
  ]);
});

Deno.test("a plan that is not committed leaves nothing behind", async () => {
  const { work } = worker();
  await work([recordOf(0, { key: "k" })], false);
  assertEquals(entriesOf(await work([recordOf(0, { key: "k" })])), [["k", '{"sum":1}']]);
});

Deno.test("a record without a key makes a dead letter that says so", async () => {
  const [letter] = await worker().work([recordOf(0, { key: "k" }, null)]);
  assertStringIncludes(headerText(letter?.headers ?? [], "x-error") ?? "", "has no key");
});

Deno.test("a value over the limit makes a dead letter", async () => {
  const text = z.object({ text: z.string() });
  const flow = defineFlow({
    ...{ name: "texts", from: input, to: [output] },
    state: keyedState({ read: text }),
    transform: (_event, { state }) => state.set({ text: "é".repeat(300) }),
  });
  const table = new KeyTable(Infinity, () => {});
  const state = new StatePlan(keyedState({ read: text }), table, place, Date.now());
  const { outputs } = await planBatch(flow, [recordOf(0, { key: "k" })], target, { signal, state });
  assertEquals(outputs.map(({ topic }) => topic), ["steps.texts.DLQ"]);
  assertStringIncludes(
    headerText(outputs[0]?.headers ?? [], "x-error") ?? "",
    "611 bytes, over the limit of 500",
  );
});

Deno.test("state that an older schema wrote and the present one refuses halts, and names the key", async () => {
  const { work, table } = worker();
  table.set(keyName(new TextEncoder().encode("k")), { text: '{"total":3}', at: 0 });
  const error = await assertRejects(() => work([recordOf(0, { key: "k" })]), HaltError);
  assertStringIncludes(error.message, 'key "k" in sums.state-0');
  assertStringIncludes(error.message, "sum: ");
});

Deno.test("what a transform does once it has ended does not count", async () => {
  const late = Promise.withResolvers<unknown>();
  const { work } = worker((_event, { state }) => {
    setTimeout(() => {
      try {
        late.resolve(state.set({ sum: 99 }));
      } catch (error) {
        late.resolve(error);
      }
    });
  });
  assertEquals(entriesOf(await work([recordOf(0, { key: "k" })])), []);
  assertStringIncludes(String(await late.promise), "has ended");
});

Deno.test("keys whose time is over do not count, and are deleted in time", async () => {
  const table = new KeyTable(100, () => {});
  const { work } = worker(add, table);
  const at = (offset: number, timestamp: number, key: string) => ({
    ...recordOf(offset, { key }),
    timestamp,
  });
  await work([at(0, 1_000, "a"), at(1, 1_050, "b")]);
  assertEquals(entriesOf(await work([at(2, 1_101, "a")])), [["a", '{"sum":1}']]);
  assertEquals(entriesOf(await work([at(3, 1_160, "c")])), [["c", '{"sum":1}']]);
  assertEquals(entriesOf(await work([at(4, 1_161, "c")])), [["c", '{"sum":2}'], ["b", null]]);
  assertEquals(table.size, 2);
});

Deno.test("a record that claims to be of the future is dated by the time that the plan was given", async () => {
  const table = new KeyTable(Infinity, () => {});
  const { work } = worker(add, table, 1_500);
  const [early, late] = [{ ...recordOf(0, { key: "a" }), timestamp: 1_400 }, {
    ...recordOf(1, { key: "b" }),
    timestamp: 9_000,
  }];
  const outputs = await work([early, late]);
  const states = outputs.filter(({ topic }) => topic === place.topic);
  assertEquals(states.map(({ timestamp }) => timestamp), [1_400, 1_500]);
});

Deno.test("whatever fails and is planned again, each key has the sum of what was committed", async () => {
  const steps = fc.array(
    fc.record({ key: fc.constantFrom("a", "b", "c"), add: fc.nat(9), bad: fc.boolean() }),
    { minLength: 1, maxLength: 12 },
  );
  const runs = fc.array(fc.tuple(steps, fc.boolean()), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(runs, fc.boolean(), async (runs, slow) => {
      let bytes = 0;
      const table = new KeyTable(Infinity, (change) => bytes += change);
      const { work } = worker((event, context) => {
        if (!slow) return add(event, context);
        return Promise.resolve().then(() => add(event, context));
      }, table);
      const expected = new Map<string, number>();
      let offset = 0;
      for (const [steps, commits] of runs) {
        await work(steps.map((step) => recordOf(offset++, step)), commits);
        if (!commits) continue;
        for (const { key, add, bad } of steps) {
          if (!bad) expected.set(key, (expected.get(key) ?? 0) + add);
        }
      }
      const found = ["a", "b", "c"].flatMap((key) => {
        const kept = table.get(key);
        return kept ? [[key, JSON.parse(kept.text).sum] as const] : [];
      });
      assertEquals(new Map(found), new Map([...expected].sort()));
      table.clear();
      assertEquals(bytes, 0);
    }),
    { numRuns: 200 },
  );
});
