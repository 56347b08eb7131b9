/** State of keys on a real broker: exact under faults at every step, and a halt where it is not what it was. */
import { ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { HaltError } from "../../src/engine/core/errors.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { keyedState } from "../../src/engine/core/keyed_state.ts";
import { TransactionError } from "../../src/engine/core/ports.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { runUntil } from "../support/run_until.ts";

const keys = ["a", "b", "c", "d", "e"];

function counting(source: string, outTopic: string) {
  const out = topic(outTopic, {
    read: z.object({ key: z.string(), count: z.int() }),
    key: ({ key }) => key,
  });
  return defineFlow({
    name: `count-${source}`,
    from: topic(source, { read: z.object({ key: z.string() }), key: ({ key }) => key }),
    to: [out],
    state: keyedState({ read: z.object({ count: z.int() }) }),
    transform({ key }, { state }) {
      const count = (state.get()?.count ?? 0) + 1;
      state.set({ count });
      return out.event({ key, count });
    },
  });
}

async function pipeline(partitions: number) {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, partitions, "steps", "counts");
  const flow = counting(source, outTopic);
  const write = (rounds: number) =>
    produce(
      client,
      Array.from({ length: rounds }, () =>
        keys.map((key, index) => record(source, index % partitions, key, { key }))).flat(),
    );
  const counts = async () => {
    const found = new Map<string, number[]>(keys.map((key) => [key, []]));
    for (let partition = 0; partition < partitions; partition++) {
      for (const { key, count } of jsons(await readPartition(client, outTopic, partition))) {
        found.get(key)?.push(count);
      }
    }
    return found;
  };
  const admin = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
    .admin();
  const administer = async (act: () => Promise<unknown>) => {
    await admin.connect();
    await act();
    await admin.disconnect();
  };
  const topics = { source, state: `onceflow.${flow.name}.state` };
  return { client, flow, write, counts, admin, administer, topics };
}

Deno.test("faults at every step of a transaction, and no count is missed or doubled", async () => {
  const { client, flow, write, counts } = await pipeline(2);
  const rounds = 20;
  const all = Array.from({ length: rounds }, (_, n) => n + 1);
  await write(rounds);
  const stop = new AbortController();
  let steps = 0;
  let next = 3;
  const cutOff: string[] = [];
  const running = runFlow(client, flow, stop.signal, { batchRecordsMax: 13 }, {
    onStep(step) {
      if (++steps < next) return;
      // Not always as many steps after the last fault, so that each kind of step has its turn.
      next = steps + 5 + cutOff.push(step) % 4;
      throw new TransactionError("unknown", "cut off by the test");
    },
  });
  const isDone = async () => {
    const found = [...(await counts()).values()];
    return found.every((each) => each.length >= rounds) || undefined;
  };
  await Promise.race([waitFor(isDone, { waitMsMax: 60_000 }), running]);
  stop.abort();
  await running;
  for (const [key, found] of await counts()) assertEquals(found, all, key);
  assertEquals([...new Set(cutOff)].length >= 3, true, `cut off at ${cutOff}`);
});

Deno.test("state that is gone halts, with what to do", async () => {
  const { client, flow, write, admin, administer, topics } = await pipeline(1);
  const halt = async () => (await assertRejects(() => run(1), HaltError)).message;
  const run = (records: number, stateBytesMax?: number) =>
    runUntil(client, flow, (totals) => totals.records === records, {
      ...(stateBytesMax && { stateBytesMax }),
    });
  await write(1);
  await run(5);
  await write(1);
  const tooMuch = await assertRejects(() => run(5, 100), HaltError);
  assertStringIncludes(tooMuch.message, "over stateBytesMax (100)");

  const policy = (value: string) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{
        type: ConfigResourceTypes.TOPIC,
        name: topics.state,
        configEntries: [{ name: "cleanup.policy", value }],
      }],
    });
  const deleted = { topic: topics.state, partitions: [{ partition: 0, offset: "2" }] };
  await administer(async () => {
    await policy("delete");
    await admin.fetchTopicOffsets(topics.state); // deleteTopicRecords does not look for the leader itself
    await admin.deleteTopicRecords(deleted);
    await policy("compact");
  });
  assertStringIncludes(await halt(), "held 5 keys with that offset and now holds");

  await administer(() => admin.deleteTopics({ topics: [topics.state] }));
  assertStringIncludes(await halt(), "was deleted and made again");

  await administer(() =>
    admin.createPartitions({ topicPartitions: [{ topic: topics.source, count: 2 }] })
  );
  assertStringIncludes(await halt(), "has 2 partitions and");
});
