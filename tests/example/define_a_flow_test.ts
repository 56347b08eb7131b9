/** A flow from one topic to another: schemas, a transform, nothing of Kafka. */
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

Deno.test("a flow turns each event of one topic into an event of another", async () => {
  const client = await testClient();
  const [ordersTopic = "", shipmentsTopic = ""] = await freshTopics(
    client,
    1,
    "orders",
    "shipments",
  );

  const orders = topic(ordersTopic, {
    read: z.object({ order_id: z.string(), items: z.int() }),
    key: (order) => order.order_id,
  });
  const shipments = topic(shipmentsTopic, {
    read: z.object({ order_id: z.string(), weight_g: z.int() }),
    key: (shipment) => shipment.order_id,
  });
  const shipping = defineFlow({
    name: `shipping-${ordersTopic}`,
    from: orders,
    to: [shipments],
    transform: ({ order_id, items }) => shipments.event({ order_id, weight_g: items * 250 }),
  });

  await produce(client, [
    record(ordersTopic, 0, "a", { order_id: "a", items: 1 }),
    record(ordersTopic, 0, "b", { order_id: "b", items: 3 }),
  ]);
  await runUntil(client, shipping, ({ records }) => records === 2);

  assertEquals(jsons(await readPartition(client, shipmentsTopic)), [
    { order_id: "a", weight_g: 250 },
    { order_id: "b", weight_g: 750 },
  ]);
});
