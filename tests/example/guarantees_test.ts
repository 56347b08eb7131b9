/**
 * The guarantee is part of what a flow is. While nothing breaks all three give each output once; they differ in what a
 * crash between the outputs and the offset leaves: nothing (one transaction), outputs twice, or outputs never.
 */
import { z } from "zod";
import { defineFlow, type Guarantee, topic } from "../../src/engine/mod.ts";
import { assertEquals, assertGreater } from "../support/assert.ts";
import {
  freshTopics,
  highWatermark,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ order_id: z.string() });

/** Invoices three orders; answers with the invoices, and how many offsets of their topic are no records. */
async function invoiceThree(guarantee: Guarantee) {
  const client = await testClient();
  const [ordersTopic = "", invoicesTopic = ""] = await freshTopics(client, 1, "orders", "invoices");
  const invoices = topic(invoicesTopic, { read, key: (event) => event.order_id });
  const flow = defineFlow({
    name: `${guarantee}-${ordersTopic}`,
    guarantee,
    from: topic(ordersTopic, { read, key: (event) => event.order_id }),
    to: [invoices],
    transform: (order) => invoices.event(order),
  });

  await produce(client, ["a", "b", "c"].map((id) => record(ordersTopic, 0, id, { order_id: id })));
  await runUntil(client, flow, ({ records }) => records === 3);

  const ids = jsons(await readPartition(client, invoicesTopic)).map(({ order_id }) => order_id);
  return { ids, markers: await highWatermark(client, invoicesTopic, 0) - ids.length };
}

Deno.test("exactly-once: outputs and offset are one transaction, which ends in a marker", async () => {
  const { ids, markers } = await invoiceThree("exactly-once");
  assertEquals(ids, ["a", "b", "c"]);
  assertGreater(markers, 0);
});

for (const guarantee of ["at-least-once", "at-most-once"] as const) {
  Deno.test(`${guarantee}: the same flow without transactions`, async () => {
    assertEquals(await invoiceThree(guarantee), { ids: ["a", "b", "c"], markers: 0 });
  });
}
