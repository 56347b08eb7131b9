/** One event may become none, one or many, in several topics: all of them count together. */
import { z } from "zod";
import { defineFlow, topic } from "../../src/engine/mod.ts";
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

Deno.test("a transform may emit nothing, or several events to several topics", async () => {
  const client = await testClient();
  const [source = "", parcelsTopic = "", mailsTopic = ""] = await freshTopics(
    client,
    1,
    "orders",
    "parcels",
    "mails",
  );
  const order = z.object({ order_id: z.string(), parcels: z.int() });
  const numbered = z.object({ order_id: z.string(), number: z.int() });
  const orders = topic(source, { read: order, key: (event) => event.order_id });
  const parcels = topic(parcelsTopic, { read: numbered, key: (event) => event.order_id });
  const mails = topic(mailsTopic, { read: numbered, key: (event) => event.order_id });

  const dispatch = defineFlow({
    name: `dispatch-${source}`,
    from: orders,
    to: [parcels, mails],
    transform({ order_id, parcels: count }) {
      if (count === 0) return;
      const each = Array.from(
        { length: count },
        (_, number) => parcels.event({ order_id, number }),
      );
      return [...each, mails.event({ order_id, number: count })];
    },
  });

  await produce(
    client,
    [["a", 2], ["b", 0], ["c", 1]].map(([order_id, count]) =>
      record(source, 0, String(order_id), { order_id, parcels: count })
    ),
  );
  await runUntil(client, dispatch, ({ records }) => records === 3);

  assertEquals(jsons(await readPartition(client, parcelsTopic)), [
    { order_id: "a", number: 0 },
    { order_id: "a", number: 1 },
    { order_id: "c", number: 0 },
  ]);
  assertEquals(jsons(await readPartition(client, mailsTopic)), [
    { order_id: "a", number: 2 },
    { order_id: "c", number: 1 },
  ]);
});
