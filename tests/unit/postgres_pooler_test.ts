import { sessionsAreShared } from "../../src/engine/postgres/refuse_pooler.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("two connections that keep a session each are direct, others are pooled", () => {
  const shared = (first: number[], second: number[]) =>
    sessionsAreShared(new Set(first), new Set(second));
  assertEquals(shared([1], [2]), false);
  assertEquals(shared([1], [1]), true);
  assertEquals(shared([1, 2], [3]), true);
  assertEquals(shared([3], [1, 2]), true);
});
