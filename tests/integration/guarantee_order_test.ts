/** What tells the three guarantees apart when something breaks: whether the offset is committed when the outputs are not. */
import { z } from "zod";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { defineFlow, HaltError, topic } from "../../src/engine/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { freshTopics, produce, record, testClient, uniqueName } from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ id: z.string() });
const batchBytesMax = 500;
/** Not even the facts of a dead letter fit. */
const deadLetterBytesMax = 200;

/** A flow whose one output is larger than its topic takes, and whose dead letters are, too. */
async function flowThatIsRefused() {
  const client = await testClient();
  const [source = ""] = await freshTopics(client, 1, "copied");
  const [target, deadLetters] = [uniqueName("copies"), uniqueName("dead")];
  const limits = [[target, batchBytesMax], [deadLetters, deadLetterBytesMax]] as const;
  await ensureTopics(
    client,
    limits.map(([topic, bytes]) => ({
      ...{ topic, partitions: 1, replicationFactor: 1 },
      config: { "max.message.bytes": String(bytes) },
    })),
  );
  const out = topic(target, { read, key: () => "k" });
  const flow = defineFlow({
    name: source,
    from: topic(source, { read, key: () => "k" }),
    to: [out],
    deadLetters,
    transform: (event) => out.event(event),
  });
  await produce(client, [record(source, 0, "k", { id: "x".repeat(2 * batchBytesMax) })]);
  return { client, flow, source };
}

const guarantees = [
  { guarantee: "exactly-once", what: "with its output", committed: -1 },
  { guarantee: "at-least-once", what: "after its output", committed: -1 },
  { guarantee: "at-most-once", what: "before its output", committed: 1 },
] as const;

for (const { guarantee, what, committed } of guarantees) {
  Deno.test(`a flow under ${guarantee} commits its offset ${what}`, async () => {
    const { client, flow, source } = await flowThatIsRefused();
    await assertRejects(() => runUntil(client, flow, () => true, { guarantee }), HaltError);
    await using transactions = createTransactions(client, { transactionTimeoutMs: 10_000 });
    // The transaction that was refused is still open under exactly-once: opening its id ends it.
    await using _ = await transactions.open(`${flow.groupId}/${source}/0`);
    const { offset } = await transactions.stableOffset(flow.groupId, {
      topic: source,
      partition: 0,
    });
    assertEquals(offset, committed);
  });
}
