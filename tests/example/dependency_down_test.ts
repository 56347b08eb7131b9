/** When something that every record needs is down, the lane waits: no record is blamed, none is given up. */
import { z } from "zod";
import { defineFlow, DependencyDownError, topic } from "../../src/engine/mod.ts";
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

Deno.test("a dependency that is down is waited for, however long it takes", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "orders", "priced");
  const read = z.object({ id: z.string() });
  const out = topic(outTopic, { read, key: ({ id }) => id });
  let outages = 6; // more than the three retries that a record has
  const flow = defineFlow({
    name: `outage-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    async transform(event, { once }) {
      await once("price list", () => {
        if (outages-- > 0) throw new DependencyDownError("prices", "connection refused");
        return Promise.resolve();
      });
      return out.event(event);
    },
  });
  const seen: string[] = [];

  await produce(client, ["a", "b"].map((id) => record(source, 0, id, { id })));
  const totals = await runUntil(client, flow, ({ records }) => records === 2, {
    dependencyBackoffMsMax: 30,
    observer: { dependency: (name, up) => void seen.push(`${name} ${up ? "up" : "down"}`) },
  });

  assertEquals(totals.deadLetters, 0);
  assertEquals(seen.at(0), "prices down");
  assertEquals(seen.at(-1), "prices up");
  assertEquals(jsons(await readPartition(client, outTopic)), [{ id: "a" }, { id: "b" }]);
});
