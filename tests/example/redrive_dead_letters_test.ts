/** A record that failed is sent back when the cause is mended, and counts once. */
import { z } from "zod";
import { defineFlow, headerText, PoisonError, topic } from "../../src/engine/mod.ts";
import { formatAddress, openDeadLetters } from "../../src/engine/dead_letters/mod.ts";
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

Deno.test("orders in a new currency are invoiced once the rate is there and they are redriven", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "orders", "invoices");
  const read = z.object({ order_id: z.string(), currency: z.string() });
  const invoices = topic(outTopic, { read, key: (event) => event.order_id });
  const rates = new Set(["USD"]);
  const flow = defineFlow({
    name: `redrive-${source}`,
    from: topic(source, { read, key: (event) => event.order_id }),
    to: [invoices],
    transform(order) {
      if (!rates.has(order.currency)) throw new PoisonError(`no rate for ${order.currency}`);
      return invoices.event(order);
    },
  });
  const orders = ["USD", "SEK", "SEK"].map((currency, n) => ({ order_id: `o${n}`, currency }));
  await produce(client, orders.map((order) => record(source, 0, order.order_id, order)));
  await runUntil(client, flow, ({ records }) => records === 3);

  // What failed, and why.
  const dlq = flow.deadLetters;
  await using letters = openDeadLetters({ ...client.settings, topic: dlq });
  const failed = await letters.list({ limit: 10, pending: true, order: "oldest" });
  assertEquals(failed.map(({ error }) => error), ["no rate for SEK", "no rate for SEK"]);
  assertEquals(failed.map(({ record }) => formatAddress(record)), ["0/0", "0/1"]);
  const { origin, errorClass } = await letters.read({ partition: 0, offset: 1 });
  assertEquals({ origin, errorClass }, {
    origin: { topic: source, partition: 0, offset: 2 },
    errorClass: "PoisonError",
  });

  // One cause, however many records: the currency is part of it, the order is not.
  const { groups: [cause] } = await letters.groups({ pending: true });
  assertEquals([cause?.reason, cause?.count], ["no rate for SEK", 2]);

  // Sent back too early, it fails again, also where the flow promises less: which trip it was stays with it.
  assertEquals((await letters.redrive({ addresses: [{ partition: 0, offset: 1 }] })).redriven, 1);
  const guarantee = "at-least-once";
  await runUntil(client, flow, ({ records }) => records === 1, { guarantee });
  const again = await letters.read({ partition: 0, offset: 3 });
  assertEquals([again.trips, again.attempts, again.attemptsInAll], [2, 1, 2]);
  assertEquals(again.first.origin, { topic: source, partition: 0, offset: 2 });

  // The cause is mended; what failed goes back. A second redrive finds nothing left to do.
  rates.add("SEK");
  assertEquals((await letters.redrive({ key: "o1" })).redriven, 1);
  assertEquals((await letters.redrive({ fingerprint: cause?.fingerprint })).redriven, 1);
  assertEquals((await letters.redrive()).redriven, 0);
  await runUntil(client, flow, ({ records }) => records === 2);

  assertEquals(jsons(await readPartition(client, outTopic)), orders);
  const back = (await readPartition(client, source)).slice(3);
  assertEquals(back.map(({ headers }) => headerText(headers, "x-redriven-from")), [
    `${dlq}/0/1`,
    `${dlq}/0/0`,
    `${dlq}/0/3`,
  ]);
  assertEquals(await letters.list({ limit: 10, pending: true }), []);
});
