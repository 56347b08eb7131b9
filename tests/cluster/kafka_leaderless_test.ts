/**
 * An output partition without a leader holds up the lane that writes there, and says so; the others of the same worker go on.
 * So does an output with fewer replicas in sync than it asks for. A transaction of another program there holds up nobody.
 */
import { Kafka, logLevel } from "kafkajs";
import type { Transactor } from "../../src/engine/core/ports.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { readBrokers } from "../../src/tools/doctor/broker_facts.ts";
import { brokerLimits } from "../../src/tools/doctor/judge_limits.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { assertEquals } from "../support/assert.ts";
import { copyFlow } from "../support/copy_flow.ts";
import { inTime } from "../support/in_time.ts";
import { jsons, produce, readPartition, record } from "../support/kafka.ts";
import { startTwoNodes } from "../support/two_nodes.ts";

Deno.test({
  name: "a partition without a leader holds up what writes to it and nothing else",
  // The nodes are started here, and outlive nothing.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using cluster = await startTwoNodes("4.2.2", { offsets: 1 });
    const { client } = cluster;
    await cluster.makeTopics({ in: [1, 1], out: [1, 2], "in.copy-in.DLQ": [1] });
    await cluster.makeTopics({ "onceflow.lanes": [1] }, { "cleanup.policy": "compact" });
    await cluster.makeTopics({ few: [1], "few.copy-few.DLQ": [1] });
    await cluster.makeTopics({ shared: [2] });
    await using beside = await writerBesideOthers(cluster.client, "shared");
    await cluster.makeTopics({ safe: ["both"] }, { "min.insync.replicas": "2" });
    const flow = copyFlow("in", "out");
    // What lies in a partition of the input goes to the partition of that number.
    const idsOf = (partition: number) =>
      Array.from({ length: 100 }, (_, n) => `id-${n}`)
        .filter((id) => partitionForKey(id, 2) === partition).slice(0, 8);
    const ids = [idsOf(0), idsOf(1)];
    const send = (partition: number, from: number, to: number) =>
      produce(
        client,
        (ids[partition] ?? []).slice(from, to).map((id) => record("in", partition, id, { id })),
      );
    const health = createHealth();
    const stop = new AbortController();
    let records = 0;
    const counted = async (least: number) => {
      while (records < least) await delay(20, stop.signal);
    };
    let producers = 0;
    const running = runFlow(client, flow, stop.signal, {
      ...{ health, transactionTimeoutMs: 5_000, sessionTimeoutMs: 6_000 },
      observer: { committed: (batch) => void (records += batch.records) },
    }, {
      onStep: (step) => {
        if (step === "after-init-producer-id") producers++;
      },
    });
    const few = { health: createHealth(), records: 0 };
    const sendFew = (ids: readonly string[]) =>
      produce(client, ids.map((id) => record("few", 0, id, { id })));
    const until = async (holds: () => boolean) => {
      while (!holds()) await delay(20, stop.signal);
    };
    const runningFew = runFlow(client, copyFlow("few", "safe"), stop.signal, {
      ...{ health: few.health, transactionTimeoutMs: 5_000, sessionTimeoutMs: 6_000 },
      observer: { committed: (batch) => void (few.records += batch.records) },
    });
    await send(0, 0, 2);
    await send(1, 0, 2);
    await sendFew(["a", "b"]);
    await inTime(counted(4), "both lanes have worked");
    await inTime(until(() => few.records === 2), "with all replicas in sync it works");
    await cluster.kill();
    await send(1, 2, 8);
    await sendFew(["a", "c"]);
    const held = async () => {
      while (health.ready().checks.every(({ name, ok }) => ok || name !== "lane:in-1")) {
        await delay(20, stop.signal);
      }
    };
    await inTime(held(), "the other one says that it waits");
    const producersBefore = producers;
    for (let n = 2; n < 8; n++) {
      await send(0, n, n + 1);
      await inTime(counted(3 + n), `the lane whose output has a leader commits number ${n}`);
    }
    assertEquals(producers, producersBefore, "what waits costs the others no new producer");
    const named = () =>
      few.health.ready().checks.some(({ name, detail }) =>
        name === "lane:few-0" && detail.includes('topic "safe" has fewer replicas in sync')
      );
    await inTime(until(named), "topic and cause are named");
    await beside.takeOver();
    const { there, away } = await withCluster(client, (known) => readBrokers(known, brokerLimits));
    const answers = there.map(({ nodeId }) => nodeId);
    assertEquals([answers, away], [[1], [{ nodeId: 2 }]], "the doctor knows that there are two");
    await cluster.revive();
    await inTime(counted(16), "that has come back, too");
    await inTime(beside.write(), "another program's transaction holds up no takeover");
    await inTime(until(() => few.records === 4), "it goes on by itself");
    await inTime(until(() => few.health.ready().ready), "and says so");
    stop.abort();
    await Promise.all([running, runningFew]);
    const copied = jsons(await readPartition(client, "safe", 0)).map(({ id }) => id);
    assertEquals(copied, ["a", "b", "a", "c"]);
    for (const partition of [0, 1]) {
      const seen = jsons(await readPartition(client, "out", partition)).map(({ id }) => id);
      assertEquals(seen, ids[partition]);
    }
  },
});

/** A writer that is taken over while its partition has no leader, and whose partition another program writes to later. */
async function writerBesideOthers(client: KafkaClient, topic: string) {
  const transactions = createTransactions(client, {
    ...{ transactionTimeoutMs: 60_000, batchBytesMax: 1_000_000, writesTo: [topic] },
  });
  const place = { topic, partition: 0 };
  const open = () => transactions.open("beside");
  const write = async (transactor: Transactor, id: string) =>
    await transactor.commit({ records: [record(topic, 0, id, { id })], offsets: [] });
  {
    // Without a transaction before it there is nothing to be asked for.
    await using first = await open();
    await write(first, "first");
  }
  const owned = new AsyncDisposableStack();
  owned.use(transactions);
  let taken: Transactor | undefined;
  return {
    async takeOver() {
      taken = owned.use(await open());
    },
    async write() {
      const producer = new Kafka({
        brokers: [...client.settings.brokers],
        logLevel: logLevel.NOTHING,
      }).producer({ transactionalId: "another program", idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value: "open", partition: place.partition }] });
      if (!taken) throw new Error("it was not taken over yet");
      await write(taken, "second");
      await transaction.abort();
      await producer.disconnect();
      assertEquals(jsons(await readPartition(client, topic)).map(({ id }) => id), [
        "first",
        "second",
      ]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
