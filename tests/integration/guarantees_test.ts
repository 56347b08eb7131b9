/** What `--guarantee` changes: whether there is a transaction, and what is committed when the outputs cannot be written. */
import { z } from "zod";
import { readLogRange } from "../../src/kafka/log_range.ts";
import { ensureTopics } from "../../src/kafka/topics.ts";
import { createTransactions } from "../../src/kafka/transactions.ts";
import { defineFlow, HaltError, topic } from "../../src/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { freshTopics, produce, record, testClient, uniqueName } from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ id: z.string() });
/** The output topic takes no larger batch, bytes. */
const batchBytesMax = 500;

/** A flow that copies one record of that size. */
async function copying(bytes: number) {
  const client = await testClient();
  const [source = ""] = await freshTopics(client, 1, "copied");
  const target = uniqueName("copies");
  const config = { "max.message.bytes": String(batchBytesMax) };
  await ensureTopics(client, [{ topic: target, partitions: 1, replicationFactor: 1, config }]);
  const out = topic(target, { read, key: () => "k" });
  const flow = defineFlow({
    name: source,
    from: topic(source, { read, key: () => "k" }),
    to: [out],
    transform: (event) => out.event(event),
  });
  await produce(client, [record(source, 0, "k", { id: "x".repeat(bytes) })]);
  return { client, flow, source, target };
}

const guarantees = [
  // A marker behind the record tells a transaction.
  { guarantee: "exactly-once", what: "with its output", end: 2, offsetAfterRefusal: -1 },
  { guarantee: "at-least-once", what: "after its output", end: 1, offsetAfterRefusal: -1 },
  { guarantee: "at-most-once", what: "before its output", end: 1, offsetAfterRefusal: 1 },
] as const;

for (const { guarantee, what, end, offsetAfterRefusal } of guarantees) {
  Deno.test(`a flow under ${guarantee} commits its offset ${what}`, async () => {
    const good = await copying(10);
    await runUntil(good.client, good.flow, ({ records }) => records === 1, { guarantee });
    const cluster = good.client.cluster();
    const range = await readLogRange(cluster, { topic: good.target, partition: 0 });
    await cluster.disconnect();
    assertEquals(range.end, end);

    const { client, flow, source } = await copying(2 * batchBytesMax);
    await assertRejects(() => runUntil(client, flow, () => true, { guarantee }), HaltError);
    await using transactions = createTransactions(client, { transactionTimeoutMs: 10_000 });
    // The transaction that was refused is still open under exactly-once: opening its id ends it.
    await using _ = await transactions.open(`${flow.groupId}/${source}/0`);
    const { offset } = await transactions.stableOffset(flow.groupId, {
      topic: source,
      partition: 0,
    });
    assertEquals(offset, offsetAfterRefusal);
  });
}
