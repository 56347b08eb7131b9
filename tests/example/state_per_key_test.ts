/** `state`: what a flow keeps for each key, in the transaction of its outputs; whoever takes a partition over goes on with it. */
import { z } from "zod";
import { memoryLog, testFlow } from "../../src/engine/testing/mod.ts";
import { defineFlow, keyedState, PoisonError, topic } from "../../src/engine/mod.ts";
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

Deno.test("a count goes on where the last worker has left it", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "visits", "counts");
  const visit = z.object({ page: z.string(), by: z.string() });
  const counts = topic(outTopic, {
    read: z.object({ page: z.string(), count: z.int() }),
    key: ({ page }) => page,
  });
  const counting = defineFlow({
    name: `counting-${source}`,
    from: topic(source, { read: visit, key: ({ page }) => page }),
    to: [counts],
    state: keyedState({ read: z.object({ count: z.int() }) }),
    transform({ page, by }, { state }) {
      const count = (state.get()?.count ?? 0) + 1;
      state.set({ count });
      // What a record has changed is dropped with it.
      if (by === "robot") throw new PoisonError("robots do not count");
      return counts.event({ page, count });
    },
  });
  const visits = (...pairs: [page: string, by: string][]) =>
    produce(client, pairs.map(([page, by]) => record(source, 0, page, { page, by })));

  await visits(["home", "ada"], ["about", "ada"], ["home", "robot"], ["home", "bob"]);
  await runUntil(client, counting, ({ records }) => records === 4);
  await visits(["home", "eve"], ["about", "eve"]);
  await runUntil(client, counting, ({ records }) => records === 2);

  assertEquals(jsons(await readPartition(client, outTopic)), [
    { page: "home", count: 1 },
    { page: "about", count: 1 },
    { page: "home", count: 2 },
    { page: "home", count: 3 },
    { page: "about", count: 2 },
  ]);
});

Deno.test("what was seen within a window is passed over", async () => {
  const payment = z.object({ payment_id: z.string(), cents: z.int() });
  const key = ({ payment_id }: { payment_id: string }) => payment_id;
  const settled = topic("settled", { read: payment, key });
  const once = defineFlow({
    name: "once",
    from: topic("payments", { read: payment, key }),
    to: [settled],
    state: keyedState({ read: z.object({}), retentionMs: 60_000 }),
    transform(event, { state }) {
      if (state.get()) return;
      state.set({});
      return settled.event(event);
    },
  });
  const paidAt = (minute: number, payment_id: string) => ({
    key: payment_id,
    value: JSON.stringify({ payment_id, cents: 100 + minute }),
    timestamp: Date.UTC(2026, 0, 1, 12, minute),
  });

  await testFlow(once)
    .givenRecords(paidAt(0, "p1"), paidAt(0, "p2"), paidAt(0, "p1"), paidAt(2, "p1"))
    .expect(settled, [
      { payment_id: "p1", cents: 100 },
      { payment_id: "p2", cents: 100 },
      { payment_id: "p1", cents: 102 },
    ])
    .expectNothingElse();
});

Deno.test("orders and payments are joined by their key, whichever comes first", async () => {
  const order = z.object({ order_id: z.string(), item: z.string() });
  const payment = z.object({ order_id: z.string(), cents: z.int() });
  const key = ({ order_id }: { order_id: string }) => order_id;
  const orders = topic("orders", { read: order, key });
  const payments = topic("payments", { read: payment, key });
  const paid = topic("paid-orders", { read: order.extend({ cents: z.int() }), key });
  const joining = defineFlow({
    name: "joining",
    // Partition n of both goes to one worker, with the state of its keys.
    from: [orders, payments],
    to: [paid],
    state: keyedState({
      read: z.object({ item: z.string().optional(), cents: z.int().optional() }),
      retentionMs: 7 * 24 * 3_600_000,
    }),
    transform(event, { state }) {
      const { order_id, item, cents } = { ...state.get(), ...event };
      if (item === undefined || cents === undefined) return state.set({ item, cents });
      state.delete();
      return paid.event({ order_id, item, cents });
    },
  });

  const log = memoryLog();
  log.append(orders, { order_id: "a", item: "tea" }, { order_id: "b", item: "rice" });
  log.append(payments, { order_id: "c", cents: 300 }, { order_id: "a", cents: 100 });
  await log.run(joining);
  log.append(orders, { order_id: "c", item: "salt" });
  await log.run(joining);

  assertEquals(log.events(paid), [
    { order_id: "a", item: "tea", cents: 100 },
    { order_id: "c", item: "salt", cents: 300 },
  ]);
});
