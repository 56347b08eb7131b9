/** `park: "key"`: after a dead letter its key waits, so that nothing of the key is done out of order; `unpark` frees it. */
import { z } from "zod";
import { openDeadLetters } from "../../src/engine/dead_letters/mod.ts";
import { defineFlow, headerText, PoisonError, topic } from "../../src/engine/mod.ts";
import { assertEquals } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

Deno.test("later records of a key follow its dead letter until it is unparked, other keys go on", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "account", "balances");
  const read = z.object({ account: z.string(), step: z.int() });
  let isMended = false;
  const out = topic(outTopic, { read, key: ({ account }) => account });
  const flow = defineFlow({
    name: `parked-${source}`,
    from: topic(source, { read, key: ({ account }) => account }),
    to: [out],
    park: "key",
    transform(event) {
      if (event.account === "a" && event.step === 2 && !isMended) {
        throw new PoisonError("step 2 is broken");
      }
      return out.event(event);
    },
  });
  const steps = [["a", 1], ["a", 2], ["b", 1], ["a", 3], ["b", 2], ["a", 4]] as const;

  await produce(
    client,
    steps.map(([account, step]) => record(source, 0, account, { account, step })),
  );
  const totals = await runUntil(client, flow, ({ records }) => records === steps.length);

  assertEquals(totals.deadLetters, 3);
  assertEquals(jsons(await readPartition(client, outTopic)), [
    { account: "a", step: 1 },
    { account: "b", step: 1 },
    { account: "b", step: 2 },
  ]);
  const dead = await readPartition(client, flow.deadLetters);
  assertEquals(jsons(dead).map(({ step }) => step), [2, 3, 4]);
  assertEquals(dead.map(({ headers }) => headerText(headers, "x-error-class")), [
    "PoisonError",
    "ParkedKeyError",
    "ParkedKeyError",
  ]);

  // The cause is mended: the records of the key go back, and are done in their order.
  isMended = true;
  await using letters = openDeadLetters({ ...client.settings, topic: flow.deadLetters });
  const parked = await letters.parked({ key: "a" });
  assertEquals(parked.map(({ length, done }) => ({ length, done })), [{ length: 3, done: 0 }]);
  const [outcome] = await letters.unpark(parked, { waitMsMax: 0 });
  assertEquals([outcome?.kind, outcome?.redriven], ["sent", 3]);
  await runUntil(client, flow, ({ records }) => records === 3);
  const done = jsons(await readPartition(client, outTopic));
  assertEquals(done.filter(({ account }) => account === "a").map(({ step }) => step), [1, 2, 3, 4]);
  assertEquals(await letters.parked(), []);
});
