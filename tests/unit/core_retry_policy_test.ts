import { defineFlow, textTopic, TransientError } from "../../src/engine/mod.ts";
import { testFlow } from "../../src/engine/testing/mod.ts";
import { backoffMs } from "../../src/engine/core/retry_policy.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("a pause doubles up to its cap, and is shortened by a half at most", () => {
  const longest = [1, 2, 3, 4, 5].map((retry) => backoffMs(retry, 100, 500, () => 1));
  const shortest = [1, 2, 3, 4, 5].map((retry) => backoffMs(retry, 100, 500, () => 0));
  assertEquals(longest, [100, 200, 400, 500, 500]);
  assertEquals(shortest, [50, 100, 200, 250, 250]);
});

Deno.test("a flow's retries pause no longer than its policy says", async () => {
  const failing = defineFlow({
    name: "failing",
    from: textTopic("in"),
    to: [],
    retry: { retriesMax: 6, backoffMs: 1_000, backoffMsMax: 2_000 },
    transform() {
      throw new TransientError("never");
    },
  });
  const { waitedMs } = await testFlow(failing).given("a").expectRetries(6).expectDeadLetters([{}]);
  // 1 s, and 2 s five times, each shortened by a half at most; without a cap 31.5 s at least.
  assert(waitedMs >= 5_500 && waitedMs <= 11_000, `it waited ${waitedMs} ms`);
});
