/** Events change while old ones stay on the topic: added fields have defaults, breaking changes are a new topic. */
import { z } from "zod";
import { defineFlow, headerText, topic } from "../../src/engine/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
  uniqueName,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

/** What a reader of version 2 makes of all versions: what was added has a default, what is unknown passes. */
const orderPlaced = z.object({
  order_id: z.string(),
  user_id: z.string(),
  amount: z.string(),
  currency: z.string().default("USD"),
  channel: z.string().default("web"),
});

const versionOne = {
  event_id: "01890a5d-ac96-774b-bcce-b302099a8057",
  order_id: "o-1",
  user_id: "u-1",
  amount: "10.00",
  occurred_at: "2026-01-31T12:00:00.000Z",
};
const versionTwo = { ...versionOne, order_id: "o-2", channel: "app", schema_version: 2 };
const future = { ...versionTwo, order_id: "o-3", schema_version: 9, gift_wrap: { colour: "red" } };
const { user_id: _missing, ...withoutUser } = { ...versionOne, order_id: "o-4" };

Deno.test("old, new and future versions of an event pass; a missing required field is a dead letter", async () => {
  const client = await testClient();
  const [ordersTopic = "", channelsTopic = ""] = await freshTopics(client, 1, "orders", "channels");
  const channel = z.object({ order_id: z.string(), channel: z.string(), currency: z.string() });
  const channels = topic(channelsTopic, { read: channel, key: (event) => event.order_id });
  const flow = defineFlow({
    name: `channels-${ordersTopic}`,
    from: topic(ordersTopic, { read: orderPlaced, key: (order) => order.order_id }),
    to: [channels],
    transform: ({ order_id, channel, currency }) => channels.event({ order_id, channel, currency }),
  });

  const events = [versionOne, versionTwo, future, withoutUser];
  await produce(client, events.map((event) => record(ordersTopic, 0, event.order_id, event)));
  await runUntil(client, flow, ({ records }) => records === 4);

  assertEquals(jsons(await readPartition(client, channelsTopic)), [
    { order_id: "o-1", channel: "web", currency: "USD" },
    { order_id: "o-2", channel: "app", currency: "USD" },
    { order_id: "o-3", channel: "app", currency: "USD" },
  ]);
  const [dead] = await readPartition(client, flow.deadLetters);
  assertStringIncludes(headerText(dead?.headers ?? [], "x-error") ?? "", "user_id");
});

Deno.test("a breaking change is a new topic, and both run side by side", async () => {
  const client = await testClient();
  const [v1Topic = ""] = await freshTopics(client, 1, "orders");
  const v2Topic = `${v1Topic}.v2`;
  const totalsTopic = uniqueName("totals");
  // Version 2 counts cents and renames the field: no reader of version 1 could make sense of it.
  const v1 = z.object({ order_id: z.string(), amount: z.string() });
  const v2 = z.object({ order_id: z.string(), amount_cents: z.int() });
  const total = z.object({ order_id: z.string(), cents: z.int(), from: z.string() });
  const totals = topic(totalsTopic, { read: total, key: (event) => event.order_id });
  const fromV1 = defineFlow({
    name: `totals-${v1Topic}`,
    from: topic(v1Topic, { read: v1, key: (event) => event.order_id }),
    to: [totals],
    transform: ({ order_id, amount }) =>
      totals.event({ order_id, cents: Number(amount.replace(".", "")), from: "orders" }),
  });
  const fromV2 = defineFlow({
    name: `totals-${v2Topic}`,
    from: topic(v2Topic, { read: v2, key: (event) => event.order_id }),
    to: [totals],
    transform: ({ order_id, amount_cents }) =>
      totals.event({ order_id, cents: amount_cents, from: "orders.v2" }),
  });

  const oneEach = { topicPartitions: 1 };
  await produce(client, [record(v1Topic, 0, "a", { order_id: "a", amount: "1.50" })]);
  await runUntil(client, fromV1, ({ records }) => records === 1, oneEach);
  let sent: Promise<void> | undefined;
  await runUntil(client, fromV2, ({ records }) => records === 1, {
    ...oneEach,
    onAssigned: () =>
      void (sent ??= produce(client, [
        record(v2Topic, 0, "b", { order_id: "b", amount_cents: 250 }),
      ])),
  });
  await sent;

  assertEquals(jsons(await readPartition(client, totalsTopic)), [
    { order_id: "a", cents: 150, from: "orders" },
    { order_id: "b", cents: 250, from: "orders.v2" },
  ]);
});
