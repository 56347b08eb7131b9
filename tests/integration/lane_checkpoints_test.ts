/** Checkpoints of lanes: one batch for all lanes of a process, one reading for all of them, and none is lost at the end. */
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import {
  laneCheckpointsTopic,
  openLaneCheckpoints,
} from "../../src/engine/kafka/lane_checkpoints.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { assertEquals } from "../support/assert.ts";
import { copyFlow } from "../support/copy_flow.ts";
import {
  freshTopics,
  produce,
  readPartition,
  record,
  testClient,
  texts,
  uniqueName,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const signal = AbortSignal.timeout(60_000);

async function notesOf(client: KafkaClient, groupId: string) {
  const all = await readPartition(client, "onceflow.lanes");
  const mine = all.filter(({ key }) =>
    new TextDecoder().decode(key ?? undefined).includes(groupId)
  );
  return { records: mine, offsets: texts(mine).map((text) => JSON.parse(text).offset) };
}

Deno.test("a hundred lanes that commit all the time are noted in one batch, and found in one reading", async () => {
  const client = await testClient();
  await ensureTopics(client, [laneCheckpointsTopic(client.names, 1)]);
  const groupId = uniqueName("group");
  const lanes = Array.from({ length: 100 }, (_, partition) => ({
    groupId,
    topic: "orders",
    partition,
  }));
  {
    await using checkpoints = openLaneCheckpoints(client);
    for (let offset = 1; offset <= 50; offset++) {
      for (const lane of lanes) checkpoints.committed(lane, { topicId: "id", offset });
    }
  }
  const { records, offsets } = await notesOf(client, groupId);
  assertEquals(offsets, lanes.map(() => 50));
  const first = records[0]?.offset ?? 0;
  assertEquals(records.map(({ offset }) => offset - first), lanes.map((_, index) => index));

  let opened = 0;
  const counting: KafkaClient = {
    ...client,
    cluster(options) {
      opened++;
      return client.cluster(options);
    },
  };
  await using checkpoints = openLaneCheckpoints(counting);
  const found = await Promise.all(
    lanes.map((lane) => checkpoints.find(lane, { all: false, signal })),
  );
  assertEquals(found.map((checkpoint) => checkpoint?.offset), lanes.map(() => 50));
  assertEquals(opened <= 2, true, `${opened} connections were opened for one reading`);

  // What is noted between two questions is in the answer to the second.
  {
    await using others = openLaneCheckpoints(client);
    for (const lane of lanes.slice(0, 1)) others.committed(lane, { topicId: "id", offset: 51 });
  }
  const [lane] = lanes;
  if (lane) assertEquals((await checkpoints.find(lane, { all: false, signal }))?.offset, 51);
});

Deno.test("a worker that ends has noted its last commit, and its first in its own transaction", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "noted", "out");
  const flow = copyFlow(source, outTopic);
  const ids = Array.from({ length: 20 }, (_, index) => `k${index}`);
  await produce(client, ids.map((id) => record(source, 0, id, { id })));
  await runUntil(client, flow, ({ records }) => records === ids.length, { batchRecordsMax: 1 });
  const { offsets } = await notesOf(client, flow.groupId);
  assertEquals([offsets[0], offsets.at(-1)], [1, ids.length]);
  assertEquals(offsets.length < ids.length, true, "not one in each transaction");
});
