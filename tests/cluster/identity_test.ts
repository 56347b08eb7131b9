/** A topic, a log and a group are what they were, or the lane halts; and what it advises, followed literally, works. */
import { Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { delay } from "../../src/engine/core/delay.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { applyOffset, planOffset } from "../../src/engine/kafka/offset_admin.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { defineFlow, HaltError, topic } from "../../src/engine/mod.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { startOwnBroker } from "../support/own_broker.ts";
import { ownRelay } from "../support/own_relay.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ id: z.string() });

/** A flow over an empty topic of one partition. */
async function echo(client: KafkaClient) {
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "identity", "out");
  const out = topic(outTopic, { read, key: ({ id }) => id });
  const flow = defineFlow({
    name: `identity-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    transform: (event) => out.event(event),
  });
  const kafka = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const withAdmin = async (act: () => Promise<unknown>) => {
    await admin.connect();
    await act();
    await admin.disconnect();
  };
  const make = () => ensureTopics(client, [{ topic: source, partitions: 1, replicationFactor: 1 }]);
  return {
    ...{ client, flow, source, admin, withAdmin, kafka },
    fill: (...ids: string[]) => produce(client, ids.map((id) => record(source, 0, id, { id }))),
    deleteTopic: () => withAdmin(() => admin.deleteTopics({ topics: [source] })),
    make,
    /** Follows the advice of a halt: the place is in its words, the offset is the person's. */
    async decide({ message }: Error, to: number | "earliest" | "latest") {
      const advice =
        /deno task worker offsets set --group (\S+) --topic (\S+) --partition (\d+) --to OFFSET/;
      const [, groupId = "", topic = "", partition] = message.match(advice) ?? [];
      const place = { groupId, topic, partition: Number(partition) };
      await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
      await applyOffset(client, transactions, await planOffset(client, { ...place, to }));
    },
    halt: () => assertRejects(() => runUntil(client, flow, () => true), HaltError),
    run: (count: number) => runUntil(client, flow, ({ records }) => records >= count),
    written: async () => jsons(await readPartition(client, outTopic)).map(({ id }) => id),
  };
}

Deno.test("a topic that is deleted and recreated halts the lane while it runs", async () => {
  const { client, flow, fill, deleteTopic, make, halt, decide, run, written } = await echo(
    await testClient(),
  );
  await fill("a", "b");
  const started = Promise.withResolvers<void>();
  const running = runFlow(client, flow, AbortSignal.timeout(60_000), {
    observer: { committed: () => started.resolve() },
  });
  await inTime(started.promise, "the first records are through");
  const remake = async () => {
    await deleteTopic();
    await make();
    await fill("x", "y", "z");
  };
  const [halted] = await Promise.all([assertRejects(() => running, HaltError), remake()]);
  assertStringIncludes(halted.message, "recreated");
  // "Start again: the start says what there is to decide."
  await decide(await halt(), "earliest");
  await run(3);
  assertEquals(await written(), ["a", "b", "x", "y", "z"]);
});

Deno.test("a topic that is deleted halts the lane, and a start makes it and asks where to go on", async () => {
  const { client, flow, fill, deleteTopic, halt, decide, run, written } = await echo(
    await testClient(),
  );
  await fill("a");
  const started = Promise.withResolvers<void>();
  const running = runFlow(client, flow, AbortSignal.timeout(60_000), {
    observer: { committed: () => started.resolve() },
  });
  await inTime(started.promise, "the first record is through");
  const [halted] = await Promise.all([assertRejects(() => running, HaltError), deleteTopic()]);
  assertStringIncludes(halted.message, "was deleted");
  await decide(await halt(), "earliest");
  await fill("x");
  await run(1);
  assertEquals(await written(), ["a", "x"]);
});

Deno.test("a group that another consumer has worked with halts at its first start, until somebody decides", async () => {
  const { flow, source, fill, kafka, halt, decide, run, written } = await echo(await testClient());
  await fill("a", "b", "c");
  const consumer = kafka.consumer({ groupId: flow.groupId });
  await consumer.connect();
  await consumer.subscribe({ topic: source, fromBeginning: true });
  let seen = 0;
  const all = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: () => {
      if (++seen === 3) all.resolve();
      return Promise.resolve();
    },
  });
  await inTime(all.promise, "the other consumer has read");
  await consumer.disconnect();
  const halted = await halt();
  assertStringIncludes(halted.message, "stands at offset 3, and no worker of onceflow");
  await decide(halted, "earliest");
  await run(3);
  assertEquals(await written(), ["a", "b", "c"]);
});

Deno.test("an offset that a tool has moved on halts, and the one that was there can be set again", async () => {
  const { flow, source, fill, admin, withAdmin, halt, decide, run, written } = await echo(
    await testClient(),
  );
  await fill("a");
  await run(1);
  await fill("b", "c");
  // As kafka-consumer-groups --reset-offsets --to-latest --execute.
  await withAdmin(() =>
    admin.setOffsets({
      groupId: flow.groupId,
      topic: source,
      partitions: [{ partition: 0, offset: "3" }],
    })
  );
  const halted = await halt();
  assertStringIncludes(halted.message, "stands at offset 3, and no worker of onceflow");
  await decide(halted, 1);
  await run(2);
  assertEquals(await written(), ["a", "b", "c"]);
});

/** Kafka of the older line, too, where that is asked for. */
const version = Deno.env.get("TEST_KAFKA_VERSION");

Deno.test("a log that was replaced under the same topic halts, running or not, however long it has grown", async (t) => {
  await using broker = await startOwnBroker({ version });
  const { client, flow, source, fill, halt, decide, run, written } = await echo(broker.client);
  const lose = (dataDirectory: string) =>
    Deno.remove(`${dataDirectory}/${source}-0`, { recursive: true });
  const ids = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  await fill(...ids(10, "a"));
  await run(10);

  await t.step("while no worker ran", async () => {
    await broker.restart(lose);
    for (const id of ids(20, "b")) await fill(id);
    const halted = await halt();
    assertStringIncludes(halted.message, "this is not the log that group");
    await decide(halted, "earliest");
    await run(20);
    assertEquals(await written(), [...ids(10, "a"), ...ids(20, "b")]);
  });

  await t.step("under a worker that runs", async () => {
    await using relay = await ownRelay(client);
    await relay.place();
    await inTime(relay.relayed, "an order is relayed");
    const lines: string[] = [];
    configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
    using quiet = new DisposableStack();
    quiet.defer(() => configureLogging({ level: "warning" }));
    const relayIs = (ok: boolean) =>
      waitFor(() => relay.check()?.ok === ok || undefined, { waitMsMax: 60_000 });
    const started = Promise.withResolvers<void>();
    const running = runFlow(client, flow, AbortSignal.timeout(60_000), {
      observer: { committed: () => started.resolve() },
    });
    await fill("c");
    await inTime(started.promise, "the record is through");
    const halting = assertRejects(() => running, HaltError);
    await broker.restart(async (dataDirectory) => {
      await lose(dataDirectory);
      await relay.place();
      assertEquals(await relayIs(false), true);
      await delay(3_000); // some more tries: none of them is a line
    });
    const halted = await inTime(halting, "the flow halts");
    assertStringIncludes(halted.message, "log");
    // The relay beside it says the outage once at its begin, and once at its end.
    assertEquals(await relayIs(true), true);
    const own = lines.filter((line) => /relay/i.test(line));
    assertEquals(own.length, 2, own.join("\n"));
    assertStringIncludes(own[0] ?? "", "relay/kafka is not ready: relay waits for kafka");
    assertStringIncludes(own[1] ?? "", "relay/kafka is all right again");
  });
});
