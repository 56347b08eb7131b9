/** Where going on would lose or double something, a lane halts and says what a person can do. */
import { Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { applyOffset, planOffset } from "../../src/engine/kafka/offset_admin.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { fetchTopicId } from "../../src/engine/kafka/topic_id.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { defineFlow, HaltError, topic } from "../../src/engine/mod.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import {
  freshTopics,
  produce,
  readPartition,
  record,
  testClient,
  texts,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ id: z.string() });

/** A flow whose input holds two records. */
async function flowOfTwo() {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "halt", "out");
  const out = topic(outTopic, { read, key: ({ id }) => id });
  const flow = defineFlow({
    name: `halt-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    transform: (event) => out.event(event),
  });
  const fill = (...ids: string[]) =>
    produce(client, ids.map((id) => record(source, 0, id, { id })));
  await fill("a", "b");
  const admin = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
    .admin();
  return { client, flow, source, outTopic, fill, admin };
}

async function flowWithOffset(offset: number) {
  const { client, flow, source } = await flowOfTwo();
  const topicId = await withCluster(client, (cluster) => fetchTopicId(cluster, source));
  await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
  await using transactor = await transactions.open(`${flow.groupId}/${source}/0`);
  const place = { groupId: flow.groupId, topic: source, partition: 0 };
  await transactor.commit({
    records: [],
    offsets: [{ ...place, offset, metadata: `topic_id=${topicId}` }],
  });
  return { client, flow };
}

Deno.test("an output for a topic that the flow does not name halts it; named, it goes on with that record", async () => {
  const { client, flow, source, outTopic } = await flowOfTwo();
  const [besideTopic = ""] = await freshTopics(client, 1, "beside");
  const beside = topic(besideTopic, { read, key: ({ id }) => id });
  const [out] = flow.to;
  const mistaken = defineFlow({
    ...flow,
    transform: (event) => (event.id === "b" ? beside : out ?? beside).event(event),
  });
  const halt = await assertRejects(() => runUntil(client, mistaken, () => false), HaltError);
  assertStringIncludes(halt.message, `Flow "${flow.name}"`);
  assertStringIncludes(halt.message, `${source}-0 at offset 1 goes to ${besideTopic}`);
  assertStringIncludes(halt.message, `"to" names ${outTopic}. Name ${besideTopic} in "to"`);

  await runUntil(
    client,
    defineFlow({ ...mistaken, to: [...flow.to, beside] }),
    ({ outputs }) => outputs === 2,
  );
  const idsIn = async (name: string) =>
    texts(await readPartition(client, name)).map((text) => JSON.parse(text).id);
  assertEquals([await idsIn(outTopic), await idsIn(besideTopic)], [["a"], ["b"]]);
});

Deno.test("row 10: a committed offset beyond the end of the log halts the lane, and is not reset", async () => {
  const { client, flow } = await flowWithOffset(1_000);
  const halt = await assertRejects(() => runUntil(client, flow, () => true), HaltError);
  assertStringIncludes(halt.message, "1000");
  assertStringIncludes(halt.message, `worker offsets set --topic ${flow.from.name} --partition 0`);
  // Had it been reset, a second start would go on in silence.
  await assertRejects(() => runUntil(client, flow, () => true), HaltError);
});

Deno.test("row 10: a group whose offset expired while no worker ran halts, until somebody decides", async () => {
  const { client, flow, source, outTopic, fill, admin } = await flowOfTwo();
  await runUntil(client, flow, ({ records }) => records === 2);
  await admin.connect();
  await admin.deleteGroups([flow.groupId]); // as `offsets.retention.minutes` would
  await admin.disconnect();
  const halt = await assertRejects(() => runUntil(client, flow, () => true), HaltError);
  assertStringIncludes(halt.message, "had committed an offset and now has none");

  const change = await planOffset(client, {
    groupId: flow.groupId,
    topic: source,
    partition: 0,
    to: 2,
  });
  await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
  await applyOffset(client, transactions, change);
  await fill("c");
  await runUntil(client, flow, ({ records }) => records === 1);
  assertEquals(texts(await readPartition(client, outTopic)).map((text) => JSON.parse(text).id), [
    "a",
    "b",
    "c",
  ]);
});

Deno.test("row 10: a topic that was deleted and recreated halts, although it holds more records than before", async () => {
  const { client, flow, source, fill, admin } = await flowOfTwo();
  await runUntil(client, flow, ({ records }) => records === 2);
  await admin.connect();
  await admin.deleteTopics({ topics: [source] });
  await admin.disconnect();
  await ensureTopics(client, [{ topic: source, partitions: 1, replicationFactor: 1 }]);
  await fill("x", "y", "z");
  const halt = await assertRejects(() => runUntil(client, flow, () => true), HaltError);
  assertStringIncludes(halt.message, "deleted and recreated");
});

Deno.test("row 9: an offset below what the lane noted of itself halts, also in a new process", async () => {
  const { client, flow, source, outTopic } = await flowOfTwo();
  await runUntil(client, flow, ({ records }) => records === 2);
  // As a coordinator that serves what it has loaded by half would answer, or a tool that sets it back.
  await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
  {
    await using transactor = await transactions.open(`${flow.groupId}/${source}/0`);
    const place = { groupId: flow.groupId, topic: source, partition: 0 };
    await transactor.commit({ records: [], offsets: [{ ...place, offset: 0 }] });
  }
  const halt = await assertRejects(() => runUntil(client, flow, () => true), HaltError);
  assertStringIncludes(halt.message, "had committed offset 2 and now stands at 0");
  assertEquals((await readPartition(client, outTopic)).length, 2, "nothing is done again");
});
