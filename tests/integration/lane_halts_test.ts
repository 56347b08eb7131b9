/** Where going on would lose or double something, a lane halts and says what a person can do. */
import { z } from "zod";
import { createTransactions } from "../../src/kafka/transactions.ts";
import { defineFlow, HaltError, topic } from "../../src/mod.ts";
import { assertRejects, assertStringIncludes } from "../support/assert.ts";
import { freshTopics, produce, record, testClient } from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ id: z.string() });

async function flowWithOffset(offset: number) {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "halt", "out");
  const out = topic(outTopic, { read, key: ({ id }) => id });
  const flow = defineFlow({
    name: `halt-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    transform: (event) => out.event(event),
  });
  await produce(client, ["a", "b"].map((id) => record(source, 0, id, { id })));
  await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
  await using transactor = await transactions.open(`${flow.groupId}/${source}/0`);
  await transactor.commit({
    records: [],
    offsets: [{ groupId: flow.groupId, topic: source, partition: 0, offset }],
  });
  return { client, flow };
}

Deno.test("row 10: a committed offset beyond the end of the log halts the lane, and is not reset", async () => {
  const { client, flow } = await flowWithOffset(1_000);
  const halt = await assertRejects(() => runUntil(client, flow, () => true), HaltError);
  assertStringIncludes(halt.message, "1000");
  assertStringIncludes(halt.message, "worker offsets");
  // Had it been reset, a second start would go on in silence.
  await assertRejects(() => runUntil(client, flow, () => true), HaltError);
});
