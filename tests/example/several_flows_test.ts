/** Several flows in one process: each in its own group, with hooks around its run, all under one health. */
import { createHealth, defineFlow, HaltError, run, textTopic } from "../../src/engine/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import {
  freshTopics,
  produce,
  readPartition,
  record,
  testClient,
  texts,
} from "../support/kafka.ts";

Deno.test("a flow that halts leaves the others at work, and says so in the health", async () => {
  const client = await testClient();
  const [source = "", target = ""] = await freshTopics(client, 1, "orders", "mails");
  const mails = textTopic(target, { key: (text) => text });
  const calls: string[] = [];
  const stop = new AbortController();
  const health = createHealth();
  const hasHalted = () =>
    health.ready().checks.some(({ name, ok }) => name === `flow:${billing.name}` && !ok);
  const billing = defineFlow({
    name: `billing-${source}`,
    from: textTopic(source),
    to: [],
    transform() {
      throw new HaltError("the books of this year are closed");
    },
  });
  const mailing = defineFlow({
    name: `mailing-${source}`,
    guarantee: "exactly-once",
    retry: { retriesMax: 1_000, backoffMs: 1, backoffMsMax: 50 },
    from: textTopic(source),
    to: [mails],
    onStart: () => void calls.push("open the pool"),
    onStop: () => void calls.push("close the pool"),
    transform(order) {
      // Tried again, each 50 ms at most, until the other has halted.
      if (!hasHalted()) throw new Error("the books are still open");
      return mails.event(`bill for ${order}`);
    },
  });

  await produce(client, [record(source, 0, "a", "order 1")]);
  const running = run(client.settings, [billing, mailing], stop.signal, {
    health,
    observer: { committed: ({ outputs }) => outputs > 0 && stop.abort() },
  });
  await assertRejects(() => running, HaltError, "the books of this year are closed");

  assertEquals(texts(await readPartition(client, target)), ["bill for order 1"]);
  assertEquals(calls, ["open the pool", "close the pool"]);
  assertEquals(hasHalted(), true);
});
