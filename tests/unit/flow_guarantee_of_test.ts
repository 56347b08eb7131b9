import { defineFlow, type FlowOptions } from "../../src/engine/core/flow.ts";
import { textTopic } from "../../src/engine/core/plain_topics.ts";
import { guaranteeOf } from "../../src/engine/flow/guarantee_of.ts";
import { runFlows } from "../../src/engine/flow/run_flows.ts";
import { started } from "../../src/engine/flow/started.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";

const flowWith = (options: Partial<FlowOptions<string>> = {}) =>
  defineFlow({ name: "f", from: textTopic("in"), to: [], transform: () => {}, ...options });

Deno.test("a flow runs with its own guarantee, and with no other than it says", () => {
  const weak = flowWith({ guarantee: "at-least-once" });
  assertEquals(guaranteeOf(flowWith(), undefined), "exactly-once");
  assertEquals(guaranteeOf(flowWith(), "at-most-once"), "at-most-once");
  assertEquals(guaranteeOf(weak, undefined), "at-least-once");
  assertEquals(guaranteeOf(weak, "at-least-once"), "at-least-once");
  assertThrows(() => guaranteeOf(weak, "exactly-once"), TypeError, 'says guarantee: "at-least-');
});

Deno.test("what needs exactly-once is refused with less", () => {
  assertEquals(guaranteeOf(flowWith({ park: "key", takeOver: true }), undefined), "exactly-once");
  for (const needy of [flowWith({ park: "key" }), flowWith({ takeOver: true })]) {
    assertThrows(() => guaranteeOf(needy, "at-least-once"), TypeError, "needs the guarantee");
  }
});

Deno.test("flows that cannot run beside each other are refused before any begins", async () => {
  const client = createKafkaClient({ brokers: ["127.0.0.1:1"], clientId: "none", ssl: false });
  const { signal } = new AbortController();
  const refused = [
    [[], "there is none"],
    [[flowWith(), flowWith()], "two of them are in group onceflow.f"],
    [[flowWith(), flowWith({ name: "g", guarantee: "at-most-once" })], "it says guarantee"],
  ] as const;
  for (const [flows, reason] of refused) {
    const run = () => runFlows(client, flows, signal, { guarantee: "exactly-once" });
    await assertRejects(run, TypeError, reason);
  }
  client.end();
});

Deno.test("hooks: onStop follows an onStart that succeeded, and what it throws is logged", async () => {
  const { signal } = new AbortController();
  const failing = flowWith({
    onStart: () => Promise.reject(new Error("no pool")),
    onStop: () => assertEquals("called", "never"),
  });
  await assertRejects(() => started(failing, signal), Error, "no pool");
  assertEquals(await started(failing, AbortSignal.abort()), undefined);
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    const calls: string[] = [];
    const flow = flowWith({
      onStart: () => void calls.push("start"),
      onStop() {
        calls.push("stop");
        throw new Error("the pool hangs");
      },
    });
    {
      await using _running = await started(flow, signal);
      calls.push("run");
    }
    assertEquals(calls, ["start", "run", "stop"]);
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertStringIncludes(lines.join(), "onStop of flow f failed: ");
});
