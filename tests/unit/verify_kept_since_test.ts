import { keptSince } from "../../src/tools/verify/kept_since.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("since when dead letters are all there goes by the cluster's time; where it is this host's, a note says so", async () => {
  const deadLetterRetentionMs = 1_000;
  const told = () => Promise.resolve({ ms: 5_000 });
  assertEquals(await keptSince({ deadLetterRetentionMs, now: told }), { fromMs: 4_000, notes: [] });
  const now = () => Promise.resolve({ ms: 7_000, untold: "no controller" });
  const { fromMs, notes } = await keptSince({ deadLetterRetentionMs, now });
  assertEquals(fromMs, 6_000);
  assertStringIncludes(
    notes.join(),
    "this host's clock: Kafka has not told its time (no controller)",
  );
  assertEquals(await keptSince({ deadLetterRetentionMs: -1, now }), { notes: [] });
});
