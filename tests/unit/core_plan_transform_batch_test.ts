import { z } from "zod";
import {
  type BatchFlowSettings,
  defineBatchFlow,
} from "../../src/engine/core/define_batch_flow.ts";
import { DependencyDownError, PoisonError } from "../../src/engine/core/errors.ts";
import { planBatch } from "../../src/engine/core/plan_batch.ts";
import { headerText, type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const event = z.object({ id: z.string(), n: z.int() });
const input = topic("in", { read: event, key: ({ id }) => id });
const output = topic("out", { read: event, key: ({ id }) => id });
const signal = new AbortController().signal;
const target = { partitionCount: () => 1, recordBytesMax: 1_000, planMsMax: 60_000 };

type Event = z.output<typeof event>;

const flowOf = (transformBatch: BatchFlowSettings<Event>["transformBatch"]) =>
  defineBatchFlow({
    ...{ name: "test", from: input, to: [output], transformBatch },
    retry: { retriesMax: 1, backoffMs: 1 },
  });

function recordOf(offset: number, value: unknown): InputRecord {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { topic: "in", partition: 0, offset, timestamp: 0, key: null, value: bytes, headers: [] };
}

const recordsOf = (...ns: number[]) => ns.map((n, index) => recordOf(index, { id: "a", n }));
const sumOf = (events: readonly Event[]) =>
  output.event({ id: "sum", n: events.reduce((sum, { n }) => sum + n, 0) });

async function planned(flow: ReturnType<typeof flowOf>, records: readonly InputRecord[]) {
  const plan = await planBatch(flow, records, target, { signal });
  const outputs = plan.outputs.map(({ topic, value, headers }) =>
    topic === "out" ? JSON.parse(String(value)).n : headerText(headers, "x-error")
  );
  return { outputs, taken: plan.taken, deadLetters: plan.deadLetters };
}

Deno.test("one call makes one output of many events, which stand beside their records", async () => {
  const calls: unknown[] = [];
  const flow = flowOf((events, { records, attempt }) => {
    calls.push([events.map(({ n }) => n), records.map(({ offset }) => offset), attempt]);
    return sumOf(events);
  });
  const records = [recordOf(0, "no event"), ...recordsOf(1, 2, 3).slice(1), recordOf(3, { id: 1 })];
  const { outputs, taken, deadLetters } = await planned(flow, records);
  assertEquals(calls, [[[2, 3], [1, 2], 1]]);
  assertEquals([outputs[1], outputs.length, taken, deadLetters], [5, 3, 4, 2]);
});

Deno.test("a poison record is a dead letter alone; its neighbours are worked on one by one", async () => {
  const sizes: number[] = [];
  const flow = flowOf((events) => {
    sizes.push(events.length);
    if (events.some(({ n }) => n === 2)) throw new PoisonError("two is bad");
    return sumOf(events);
  });
  const { outputs } = await planned(flow, recordsOf(1, 2, 3));
  assertEquals(outputs, [1, "two is bad", 3]);
  assertEquals(sizes, [3, 1, 1, 1]);
});

Deno.test("a failure that passes is retried alone, and counts from the first try", async () => {
  const attempts: number[] = [];
  const flow = flowOf((events, { attempt }) => {
    attempts.push(attempt);
    if (events.length > 1 || attempt === 1) throw new Error("not now");
    return sumOf(events);
  });
  assertEquals((await planned(flow, recordsOf(1, 2))).outputs, [1, 2]);
  assertEquals(attempts, [1, 1, 2, 1, 2]);
});

Deno.test("a batch whose output cannot be written is done again one by one", async () => {
  const flow = flowOf((events) =>
    output.event({ id: "x".repeat(400 * events.length), n: events.length })
  );
  assertEquals((await planned(flow, recordsOf(1, 2, 3))).outputs, [1, 1, 1]);
});

Deno.test("a dependency that is down blames no record, and the plan is given up", async () => {
  const flow = flowOf(() => Promise.reject(new DependencyDownError("prices", "no answer")));
  await assertRejects(() => planned(flow, recordsOf(1, 2)), DependencyDownError);
});

Deno.test("what was put back for another flow is not in the batch", async () => {
  const headers = [textHeader("x-redriven-for", "onceflow.other")];
  const records = recordsOf(1, 2, 3).map((record) =>
    record.offset === 1 ? { ...record, headers } : record
  );
  const { outputs, deadLetters } = await planned(flowOf(sumOf), records);
  assertEquals([outputs, deadLetters], [[4], 0]);
});
