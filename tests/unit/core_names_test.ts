import { defineFlow, inNamespace } from "../../src/engine/core/flow.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { topicsOf } from "../../src/engine/flow/flow_topics.ts";
import { z } from "zod";
import { assertEquals, assertThrows } from "../support/assert.ts";

const input = topic("in", { read: z.string(), key: (text) => text });
const define = (
  more: { readonly name?: string; readonly deadLetters?: string; readonly groupId?: string } = {},
) => defineFlow({ name: "copy", from: input, to: [], transform: () => {}, ...more });
const named = ({ groupId, deadLetters }: ReturnType<typeof define>) => [groupId, deadLetters];

Deno.test("a flow is called as before in the default namespace, and by the prefix in another", () => {
  assertEquals(named(define()), ["onceflow.copy", "in.copy.DLQ"]);
  assertEquals(named(inNamespace(define(), namesIn())), ["onceflow.copy", "in.copy.DLQ"]);
  assertEquals(named(inNamespace(define(), namesIn("b"))), ["b.copy", "b.in.copy.DLQ"]);
});

Deno.test("an input that is called by the namespace has it once in the name of its dead letters", () => {
  const { deadLetters } = namesIn("b");
  assertEquals(["in", "b.in", "bin"].map((input) => deadLetters(input, "copy")), [
    ...["b.in.copy.DLQ", "b.in.copy.DLQ", "b.bin.copy.DLQ"],
  ]);
  assertEquals(namesIn().deadLetters("onceflow.in", "copy"), "onceflow.in.copy.DLQ");
});

Deno.test("what somebody has named himself keeps its name in every namespace", () => {
  const own = define({ deadLetters: "in.DLQ", groupId: "mine" });
  assertEquals(named(inNamespace(own, namesIn("b"))), ["mine", "in.DLQ"]);
});

Deno.test("two flows on one input have dead letters of their own, in the topics that are made too", () => {
  const settings = {
    ...{ topicPartitions: 1, topicReplicationFactor: 1, requestBytesMax: 1 },
    deadLetterRetentionMs: -1,
  };
  const [billing, mailing] = ["billing", "mailing"].map((name) =>
    topicsOf(define({ name }), settings).map(({ topic }) => topic)
  );
  assertEquals([billing, mailing], [["in", "in.billing.DLQ"], ["in", "in.mailing.DLQ"]]);
});

Deno.test("a flow whose dead-letter topic could not be named is told to name one", () => {
  const name = "x".repeat(100);
  const from = topic("i".repeat(145), { read: z.string(), key: (text) => text });
  const long = { name, from, to: [], transform: () => {} };
  assertThrows(() => defineFlow(long), TypeError, "has more than 249 characters. Name one");
  assertEquals(defineFlow({ ...long, deadLetters: "letters" }).deadLetters, "letters");
});

Deno.test("a namespace that no topic could be named after is refused", () => {
  for (const namespace of ["", "a/b", "a b", "x".repeat(61)]) {
    assertThrows(() => namesIn(namespace), TypeError, "namespace");
  }
});
