import { RecordContext } from "../../src/engine/core/record_context.ts";
import { textHeader } from "../../src/engine/core/record.ts";
import type { Emission } from "../../src/engine/core/emission.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { traceFlow } from "../../src/engine/observe/trace_flow.ts";
import { parseTraceparent, traceHeadersOf } from "../../src/engine/observe/trace_context.ts";
import { tracingOn } from "../../src/engine/observe/traces.ts";
import { z } from "zod";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = `00-${traceId}-00f067aa0ba902b7-01`;
const notSampled = `00-${traceId}-00f067aa0ba902b7-00`;
/** As the second level of the W3C's text has it: the id is random, and nobody wants the spans. */
const randomNotSampled = `00-${traceId}-00f067aa0ba902b7-02`;
const laterNotSampled = `01-${traceId}-00f067aa0ba902b7-00-more`;

Deno.test("a traceparent is read as the W3C says, and anything else is none", () => {
  assertEquals(parseTraceparent(parent), {
    traceId,
    spanId: "00f067aa0ba902b7",
    traceFlags: 1,
    isRemote: true,
  });
  assertEquals(parseTraceparent(`01-${traceId}-00f067aa0ba902b7-00-more`)?.traceId, traceId);
  for (
    const broken of [
      undefined,
      "",
      parent.toUpperCase(),
      `${parent}-more`,
      parent.replace("00-", "ff-"),
      `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
      `00-${traceId}-${"0".repeat(16)}-01`,
    ]
  ) assertEquals(parseTraceparent(broken), undefined, String(broken));
});

Deno.test("while tracing is off nothing is carried and a flow is left as it is", () => {
  assertEquals(tracingOn(), false);
  const text = topic("in", { read: z.string(), key: () => "k" });
  const flow = defineFlow({ name: "f", from: text, to: [], transform: () => {} });
  assertStrictEquals(traceFlow(flow), flow);
  assertEquals(traceHeadersOf(new Request("http://a/", { headers: { traceparent: parent } })), []);
});

/** Run in a process of its own, because Deno decides at its start whether it traces. */
async function traced(): Promise<void> {
  const out = topic("out", { read: z.string(), key: () => "k" });
  const flow = traceFlow(defineFlow({
    name: "f",
    from: topic("in", { read: z.string(), key: () => "k" }),
    to: [out],
    transform: (event) => out.event(event, { headers: { traceparent: "stale" } }),
  }));
  const headersFor = async (traceparent: string) => {
    const record = {
      ...{ topic: "in", partition: 0, offset: 0, timestamp: 0, key: null, value: null },
      headers: [textHeader("traceparent", traceparent), textHeader("tracestate", "vendor=7")],
    };
    const { signal } = new AbortController();
    const context = new RecordContext(record, 1, signal, (_name, look) => look());
    const [first] = [await flow.transform("x", context) ?? []].flat() as Emission[];
    const decoder = new TextDecoder();
    return first?.headers.map(([name, value]) => [name, decoder.decode(value ?? undefined)]);
  };
  const sampled = await headersFor(parent);
  const unsampled = [];
  for (const one of [notSampled, randomNotSampled, laterNotSampled]) {
    unsampled.push(await headersFor(one));
  }
  console.log(JSON.stringify({ on: tracingOn(), sampled, unsampled }));
}

Deno.test("while tracing is on the trace goes from a record to what it becomes", async () => {
  const { stdout, stderr } = await new Deno.Command("deno", {
    args: ["run", "--quiet", "--cached-only", import.meta.filename ?? ""],
    env: {
      OTEL_DENO: "true",
      OTEL_METRICS_EXPORTER: "none",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
      // What runs first may not be sampled: tracing is on all the same.
      OTEL_TRACES_SAMPLER: "parentbased_always_off",
    },
  }).output();
  const text = new TextDecoder();
  const line = text.decode(stdout).trim();
  if (!line) throw new Error(text.decode(stderr));
  const { on, sampled, unsampled } = JSON.parse(line);
  assertEquals(on, true);
  const [[, own], ...rest] = sampled;
  assertEquals(rest, [["tracestate", "vendor=7"]], "one traceparent, the span's own");
  const context = parseTraceparent(own);
  assertEquals([context?.traceId, context?.traceFlags], [traceId, 1]);
  assertEquals(context?.spanId === "00f067aa0ba902b7", false, "a span of its own");
  const asItCame = (text: string) => [["traceparent", text], ["tracestate", "vendor=7"]];
  assertEquals(unsampled, [notSampled, randomNotSampled, laterNotSampled].map(asItCame));
});

if (import.meta.main) await traced();
