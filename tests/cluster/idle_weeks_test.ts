/** Weeks in fast motion: what expires, what is compacted, and a topic of ours that somebody deletes meanwhile. */
import { Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import {
  laneCheckpointsTopic,
  openLaneCheckpoints,
} from "../../src/engine/kafka/lane_checkpoints.ts";
import { applyOffset, planOffset } from "../../src/engine/kafka/offset_admin.ts";
import { fetchTopicId } from "../../src/engine/kafka/topic_id.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import type { VendorCluster } from "../../src/engine/kafka/vendor.ts";
import { defineFlow, HaltError, PoisonError, topic } from "../../src/engine/mod.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { freshTopics, jsons, produce, readPartition, record } from "../support/kafka.ts";
import { type OwnBroker, startOwnBroker } from "../support/own_broker.ts";
import { runUntil } from "../support/run_until.ts";
import { freshDatabase } from "../support/services.ts";

const read = z.object({ id: z.string() });
/** Each look opens connections of its own: one in the tick of a clock would take a processor for itself. */
const patience = { waitMsMax: 60_000, intervalMs: 200 };

/** A flow that copies a topic of one partition; the id "bad" is a dead letter. */
async function copying(broker: OwnBroker, options: { readonly park?: "key" } = {}) {
  const { client } = broker;
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "weeks", "out");
  const out = topic(outTopic, { read, key: ({ id }) => id });
  const flow = defineFlow({
    name: source,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    ...options,
    transform(event) {
      if (event.id === "bad") throw new PoisonError("bad");
      return out.event(event);
    },
  });
  const kafka = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const withAdmin = async <T>(act: () => Promise<T>): Promise<T> => {
    await admin.connect();
    try {
      return await act();
    } finally {
      await admin.disconnect();
    }
  };
  return {
    ...{ client, flow, source },
    fill: (...ids: string[]) => produce(client, ids.map((id) => record(source, 0, id, { id }))),
    run: (count: number) => runUntil(client, flow, ({ records }) => records >= count),
    halt: () => assertRejects(() => runUntil(client, flow, () => true), HaltError),
    written: async () => jsons(await readPartition(client, outTopic)).map(({ id }) => id),
    async deleteTopic(name: string) {
      const look = () =>
        withCluster(client, (cluster) => fetchTopicId(cluster, name)).catch(() => "none");
      const before = await look();
      await withAdmin(() => admin.deleteTopics({ topics: [name] }));
      // The broker hears of it later than the controller.
      await waitFor(async () => await look() !== before ? true : undefined, patience);
    },
    forgetOffsets: () => withAdmin(() => admin.deleteGroups([flow.groupId])),
  };
}

/** The relay of a pipeline of its own, as a worker runs it, and what says that Kafka has forgotten what was as old. */
async function idleRelay({ client }: OwnBroker) {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase());
  const config = readConfig({
    ...{ KAFKA_BROKERS: client.settings.brokers.join(","), DATABASE_URL: database.url },
    ...{ TOPIC_PARTITIONS: "1", TOPIC_REPLICATION_FACTOR: "1" },
  });
  const runtime = stack.use(await openRuntime(config, { applicationName: "test" }));
  const transactions = stack.use(createTransactions(client, { transactionTimeoutMs: 20_000 }));
  const owned = stack.move();
  let stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let relayed = 0;
  const start = () => {
    stop = new AbortController();
    running = runWorker(runtime, {
      ...{ roles: ["relay"], guarantee: "exactly-once" },
      observers: { relay: { relayed: ({ rows }) => void (relayed += rows) } },
    }, stop.signal);
    running.catch(() => {});
  };
  const end = async () => {
    stop.abort();
    await running;
  };
  const old = { groupId: "forgotten", topic: config.OUTBOX_CURSOR_TOPIC, partition: 0 };
  start();
  return {
    async restart() {
      await end();
      start();
    },
    /** Places an order and waits until it is published. */
    async publish() {
      const before = relayed;
      const order = { userId: "u", amount: "1.00", currency: "USD" };
      const where = { topic: config.ORDERS_TOPIC, shards: 1, now: () => new Date() };
      await placeOrder(runtime.database.sql, order, where);
      const halted = running.then(() => assert(false, "it has ended"));
      const seen = waitFor(() => relayed > before || undefined, patience);
      assertEquals(await Promise.race([seen, halted]), true);
    },
    /** Commits the offset of another group once. */
    async commitOther() {
      await using transactor = await transactions.open("forgotten");
      await transactor.commit({ records: [], offsets: [{ ...old, offset: 1 }] });
    },
    /** Resolves when Kafka has forgotten that. */
    async forgotten() {
      const gone = async () =>
        (await transactions.stableOffset(old.groupId, old)).offset < 0 || undefined;
      assertEquals(await waitFor(gone, { waitMsMax: 180_000, intervalMs: 500 }), true);
    },
    async [Symbol.asyncDispose]() {
      await end().finally(() => owned.disposeAsync());
    },
  };
}

Deno.test("weeks in fast motion", async (t) => {
  await using broker = await startOwnBroker({
    settings: {
      "offsets.retention.minutes": "1",
      "offsets.retention.check.interval.ms": "1000",
      "transactional.id.expiration.ms": "1000",
      "transaction.remove.expired.transaction.cleanup.interval.ms": "500",
      "producer.id.expiration.ms": "1000",
      "producer.id.expiration.check.interval.ms": "500",
      "log.cleaner.backoff.ms": "500",
    },
  });
  const { client } = broker;
  await using relay = await idleRelay(broker);
  await relay.publish();
  await relay.commitOther();

  await t.step("a flow whose ids expire while it is idle goes on, each record once", async () => {
    const { flow, fill, written } = await copying(broker);
    const stop = new AbortController();
    let opened = 0;
    const running = runFlow(client, flow, stop.signal, {}, {
      onStep: (step) => void (step === "after-init-producer-id" && opened++),
    });
    const ids: string[] = [];
    const next = async () => {
      ids.push(`k${ids.length}`);
      await fill(...ids.slice(-1));
      const found = await waitFor(async () => {
        const all = await written();
        return all.length >= ids.length ? all : undefined;
      }, patience);
      assertEquals(found, ids);
    };
    await next();
    const before = opened;
    for (let week = 0; week < 20 && opened === before; week++) {
      await delay(2_000);
      await next();
    }
    assertEquals(opened > before, true, "its transactional id has expired");
    await next();
    stop.abort();
    await running;
  });

  await t.step("notes that are deleted under an idle flow are written again", async () => {
    const { flow, fill, deleteTopic, forgetOffsets, halt } = await copying(broker);
    const stop = new AbortController();
    const worked = Promise.withResolvers<void>();
    const running = runFlow(client, flow, stop.signal, {
      observer: { committed: () => worked.resolve() },
    });
    await fill("a");
    await inTime(worked.promise, "it works");
    // The first look at the topic is known to be over once a note was made outside of a transaction.
    const noted = async () => {
      const look = (cluster: VendorCluster) => fetchTopicId(cluster, "onceflow.lanes");
      if (!await withCluster(client, look).catch(() => undefined)) return [];
      const all = await readPartition(client, "onceflow.lanes").catch(() => []);
      return all.filter(({ key }) =>
        new TextDecoder().decode(key ?? undefined).includes(flow.groupId)
      );
    };
    await fill("b");
    await waitFor(async () => (await noted()).length >= 2 ? true : undefined, patience);
    await deleteTopic("onceflow.lanes");
    const again = await waitFor(async () => (await noted())[0], patience);
    assertEquals(again !== undefined, true, "it is noted anew");
    stop.abort();
    await running;
    await forgetOffsets();
    assertStringIncludes((await halt()).message, "had committed an offset");
  });

  await t.step(
    "parked keys whose topic was recreated halt the lane, and the advice works",
    async () => {
      const { client, fill, run, halt, deleteTopic, written } = await copying(broker, {
        park: "key",
      });
      await fill("a");
      await run(1);
      await deleteTopic("onceflow.parked");
      await fill("b");
      await run(1); // nothing was parked
      await fill("bad", "bad");
      await run(2);
      await deleteTopic("onceflow.parked");
      await fill("c");
      const { message } = await halt();
      assertStringIncludes(message, "has parked keys of it");
      const advice =
        /from offset (\d+):.*worker offsets set --group (\S+) --topic (\S+) --partition (\d+) --to OFFSET/;
      const [, to, groupId = "", topic = "", partition] = message.match(advice) ?? [];
      const change = await planOffset(client, {
        ...{ groupId, topic, partition: Number(partition), to: Number(to) },
      });
      await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
      await applyOffset(client, transactions, change);
      await run(1);
      assertEquals(await written(), ["a", "b", "c"]);
    },
  );

  await t.step("the notes are compacted to what can be read at a start", async () => {
    await ensureTopics(client, [laneCheckpointsTopic(client.names, 1)]);
    await using notes = openLaneCheckpoints(client);
    const lanes = Array.from({ length: 64 }, (_, partition) => ({
      ...{ groupId: "compacted", topic: "orders", partition },
    }));
    const topicId = "0123456789abcdef0123456789abcdef";
    // As many seconds of 64 lanes; all in fewer bytes than a segment that is never rolled would hold.
    const seconds = 1_000;
    for (let from = 0; from < seconds; from += 100) {
      const offsets = Array.from({ length: 100 }, (_, index) => from + index + 1);
      await produce(
        client,
        offsets.flatMap((offset) => lanes.map((lane) => notes.record(lane, { topicId, offset }))),
      );
    }
    const kept = await waitFor(async () => {
      const { length } = await readPartition(client, "onceflow.lanes");
      return length < seconds * lanes.length / 2 ? length : undefined;
    }, { ...patience, intervalMs: 1_000 });
    assertEquals(kept !== undefined, true, "it is compacted");
    const signal = AbortSignal.timeout(60_000);
    for (const lane of lanes) {
      assertEquals((await notes.find(lane, { all: true, signal }))?.offset, seconds);
    }
  });

  await t.step("a relay that was idle goes on when others' offsets have expired", async () => {
    await relay.forgotten();
    await relay.restart();
    await relay.publish();
  });
});
