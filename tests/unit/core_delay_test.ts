import { unlessAborted } from "../../src/engine/core/delay.ts";
import { assertRejects } from "../support/assert.ts";

Deno.test("work that nobody waits for any more may fail without being heard", async () => {
  const stop = new AbortController();
  stop.abort(new RangeError("stopped"));
  const work = Promise.withResolvers<void>();
  await assertRejects(() => unlessAborted(work.promise, stop.signal), RangeError, "stopped");
  work.reject(new Error("an error that nobody hears would end the process"));
  await new Promise((resolve) => setTimeout(resolve, 0));
});
