import { lowestCursor } from "../../src/engine/outbox/relay_cursor.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a relay that has published nothing need not have a cursor, however often it starts", () => {
  assertEquals(lowestCursor(-1, undefined), -1);
  assertEquals(lowestCursor(0, undefined), -1);
});

Deno.test("a cursor stands behind what this process has published, and what Postgres has noted", () => {
  assertEquals(lowestCursor(7, undefined), 8);
  assertEquals(lowestCursor(-1, 7), 8);
  assertEquals(lowestCursor(5, 7), 8);
  assertEquals(lowestCursor(9, 7), 10);
});

Deno.test("a shard that is noted without a position has a cursor all the same", () => {
  assertEquals(lowestCursor(-1, 0), 1);
});
