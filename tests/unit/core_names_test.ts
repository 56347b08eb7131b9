import { defineFlow, inNamespace } from "../../src/engine/core/flow.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { z } from "zod";
import { assertEquals, assertThrows } from "../support/assert.ts";

const input = topic("in", { read: z.string(), key: (text) => text });
const define = (more: { readonly deadLetters?: string; readonly groupId?: string } = {}) =>
  defineFlow({ name: "copy", from: input, to: [], transform: () => {}, ...more });
const named = ({ groupId, deadLetters }: ReturnType<typeof define>) => [groupId, deadLetters];

Deno.test("a flow is called as before in the default namespace, and by the prefix in another", () => {
  assertEquals(named(define()), ["onceflow.copy", "in.DLQ"]);
  assertEquals(named(inNamespace(define(), namesIn())), ["onceflow.copy", "in.DLQ"]);
  assertEquals(named(inNamespace(define(), namesIn("b"))), ["b.copy", "b.in.DLQ"]);
});

Deno.test("an input that is called by the namespace has it once in the name of its dead letters", () => {
  const { deadLetters } = namesIn("b");
  assertEquals(["in", "b.in", "bin"].map(deadLetters), ["b.in.DLQ", "b.in.DLQ", "b.bin.DLQ"]);
  assertEquals(namesIn().deadLetters("onceflow.in"), "onceflow.in.DLQ");
});

Deno.test("what somebody has named himself keeps its name in every namespace", () => {
  const own = define({ deadLetters: "in.DLQ", groupId: "mine" });
  assertEquals(named(inNamespace(own, namesIn("b"))), ["mine", "in.DLQ"]);
});

Deno.test("a namespace that no topic could be named after is refused", () => {
  for (const namespace of ["", "a/b", "a b", "x".repeat(61)]) {
    assertThrows(() => namesIn(namespace), TypeError, "namespace");
  }
});
