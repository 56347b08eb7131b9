import { bufferShare, fetchShare } from "../../src/engine/kafka/buffer_share.ts";
import { assertEquals } from "../support/assert.ts";

const mebi = 1024 * 1024;

Deno.test("lanes share the buffers of their process, and a few do not take all of them", () => {
  const shares = [1, 4, 16, 64, 256].map((lanes) =>
    bufferShare(32 * mebi, lanes, 16 * mebi) / mebi
  );
  assertEquals(shares, [8, 8, 2, 0.5, 0.125]);
  assertEquals(bufferShare(32 * mebi, 100_000, 32 * mebi), 64 * 1024);
});

Deno.test("one lane with much to do among many that are idle is not kept short", () => {
  assertEquals(bufferShare(32 * mebi, 64, 9 * mebi), 8 * mebi);
});

Deno.test("a fetch asks for no more of a partition than its lane may hold, but for a record batch", () => {
  const asked = [8, 2, 1, 0.125].map((share) => fetchShare(share * mebi, 2 * mebi) / mebi);
  assertEquals(asked, [2, 2, 1, 0.5]);
});
