/** The point of it all: whatever happens to a transaction, its outputs count once. */
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

const read = z.object({ order_id: z.string() });

/** Invoices three orders; the first transaction fails at that step, with no word of what became of it. */
async function invoicesWhenLostAt(lostAt: "before-end-txn" | "after-commit") {
  const client = await testClient();
  const [ordersTopic = "", invoicesTopic = ""] = await freshTopics(client, 1, "orders", "invoices");
  const invoices = topic(invoicesTopic, { read, key: (event) => event.order_id });
  let transformed = 0;
  const flow = defineFlow({
    name: `once-${ordersTopic}`,
    from: topic(ordersTopic, { read, key: (event) => event.order_id }),
    to: [invoices],
    transform(order) {
      transformed++;
      return invoices.event(order);
    },
  });
  await produce(client, ["a", "b", "c"].map((id) => record(ordersTopic, 0, id, { order_id: id })));
  let lost = false;
  const { resolved } = await runUntil(
    client,
    flow,
    ({ records }) => records >= (lostAt === "after-commit" ? 1 : 3),
    { batchRecordsMax: 2 },
    {
      onStep(step) {
        if (lost || step !== lostAt) return;
        lost = true;
        throw new Error(`the connection broke ${step}`);
      },
    },
  );
  const ids = jsons(await readPartition(client, invoicesTopic)).map(({ order_id }) => order_id);
  return { ids, resolved, transformed };
}

Deno.test("a transaction that is lost before its commit is aborted and done again", async () => {
  const { ids, resolved, transformed } = await invoicesWhenLostAt("before-end-txn");
  assertEquals(ids, ["a", "b", "c"]);
  assertEquals(resolved, ["aborted"]);
  assertEquals(transformed, 5); // two of them twice: what a transform does elsewhere may repeat
});

Deno.test("a transaction whose commit was not heard of is found committed and not done again", async () => {
  const { ids, resolved, transformed } = await invoicesWhenLostAt("after-commit");
  assertEquals(ids, ["a", "b", "c"]);
  assertEquals(resolved, ["committed"]);
  assertEquals(transformed, 3);
});
