/** Events of one key keep their order, also when an asynchronous transform works on many keys at a time. */
import { z } from "zod";
import { defineFlow, topic } from "../../src/engine/mod.ts";
import { assertEquals, assertGreater } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

Deno.test("one key is worked on in order, several keys at the same time", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "steps", "done");
  const read = z.object({ key: z.string(), step: z.int() });
  const out = topic(outTopic, { read, key: ({ key }) => key });
  let running = 0;
  let runningMax = 0;
  const busy = new Set<string>();
  const flow = defineFlow({
    name: `ordered-${source}`,
    from: topic(source, { read, key: ({ key }) => key }),
    to: [out],
    async transform(event) {
      assertEquals(busy.has(event.key), false, `two events of ${event.key} at a time`);
      busy.add(event.key);
      runningMax = Math.max(runningMax, ++running);
      // The earlier of two takes longer: without the rule they would change places.
      for (let turn = 0; turn < 10 - event.step; turn++) await Promise.resolve();
      running--;
      busy.delete(event.key);
      return out.event(event);
    },
  });
  const events = [0, 1, 2, 3].flatMap((step) => ["a", "b", "c"].map((key) => ({ key, step })));

  await produce(client, events.map((event) => record(source, 0, event.key, event)));
  await runUntil(client, flow, ({ records }) => records === events.length);

  assertEquals(jsons(await readPartition(client, outTopic)), events);
  assertGreater(runningMax, 1);
});
