/** A network that swallows everything: a flow that is told to stop does so all the same. */
import { runFlow } from "../../src/compose/run_flow.ts";
import { delay } from "../../src/core/delay.ts";
import { assertEquals } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { freshTopics, produce, record } from "../support/kafka.ts";
import { startOwnBroker } from "../support/own_broker.ts";
import { copyFlow } from "../integration/frozen_member_flow.ts";

Deno.test({
  name: "a flow whose broker fell silent ends within seconds of its signal",
  // What waits for the broker is given up later.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using broker = await startOwnBroker();
  const { client } = broker;
  const [source = "", outTopic = ""] = await freshTopics(client, 2, "hole", "out");
  const stop = new AbortController();
  const working = Promise.withResolvers<void>();
  const running = runFlow(client, copyFlow(source, outTopic), stop.signal, {
    sessionTimeoutMs: 6_000,
    observer: { committed: () => working.resolve() },
  });
  const records = [0, 1].map((n) => record(source, n, `k${n}`, { id: `k${n}` }));
  await produce(client, records);
  await inTime(working.promise, "it works");
  await broker.freeze(true);
  try {
    await delay(2_000); // beats and fetches wait for an answer now
    const startedAt = performance.now();
    stop.abort();
    await running;
    const tookMs = Math.round(performance.now() - startedAt);
    // Two seconds where nothing else runs; without its own bound it waits for as long as the broker is silent.
    assertEquals(tookMs < 10_000, true, `it took ${tookMs} ms`);
  } finally {
    await broker.freeze(false);
  }
});
