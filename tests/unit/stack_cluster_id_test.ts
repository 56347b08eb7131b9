import { newClusterId } from "../../src/tools/stack/start_broker.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a cluster id is 16 bytes in base64url, and never looks like an option", () => {
  const ids = Array.from({ length: 2_000 }, newClusterId);
  assertEquals(ids.filter((id) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/.test(id)), []);
  assertEquals(new Set(ids).size, ids.length);
});
