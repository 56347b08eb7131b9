/** One flow may read several topics: each with its contract, each partition in its own order, all under one group. */
import { z } from "zod";
import { defineFlow, PoisonError, topic } from "../../src/engine/mod.ts";
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

Deno.test("a flow reads payments and refunds, and keeps the dead letters of each apart", async () => {
  const client = await testClient();
  const [paymentsTopic = "", refundsTopic = "", balancesTopic = ""] = await freshTopics(
    client,
    1,
    "payments",
    "refunds",
    "balances",
  );
  const key = ({ account }: { account: string }) => account;
  const payments = topic(paymentsTopic, {
    read: z.object({ account: z.string(), paid: z.int() }),
    key,
  });
  const refunds = topic(refundsTopic, {
    read: z.object({ account: z.string(), refunded: z.int() }),
    key,
  });
  const changes = topic(balancesTopic, {
    read: z.object({ account: z.string(), change: z.int() }),
    key,
  });
  const booking = defineFlow({
    name: `booking-${paymentsTopic}`,
    from: [payments, refunds],
    to: [changes],
    transform(event, { record }) {
      const change = "paid" in event ? event.paid : -event.refunded;
      if (change === 0) throw new PoisonError(`nothing to book from ${record.topic}`);
      return changes.event({ account: event.account, change });
    },
  });

  await produce(client, [
    record(paymentsTopic, 0, "a", { account: "a", paid: 10 }),
    record(refundsTopic, 0, "a", { account: "a", refunded: 4 }),
    record(refundsTopic, 0, "b", { account: "b", refunded: 0 }),
  ]);
  await runUntil(client, booking, ({ records }) => records === 3, { topicPartitions: 1 });

  const booked = jsons(await readPartition(client, balancesTopic));
  assertEquals(booked.map(({ change }) => change).toSorted(), [-4, 10]);
  const letters = jsons(await readPartition(client, booking.deadLettersOf(refundsTopic)));
  assertEquals(letters, [{ account: "b", refunded: 0 }]);
  assertEquals(await readPartition(client, booking.deadLettersOf(paymentsTopic)), []);
});
