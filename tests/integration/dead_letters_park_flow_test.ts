/** A flow with `park: "key"` on real Kafka, unparked with the tools that an operator has. */
import { z } from "zod";
import { defineFlow, HaltError, headerText, PoisonError, topic } from "../../src/engine/mod.ts";
import { forgetQueue } from "../../src/engine/dead_letters/forget_queue.ts";
import { listDeadLetters } from "../../src/engine/dead_letters/list_dead_letters.ts";
import { listParkedKeys } from "../../src/engine/dead_letters/load_parked_keys.ts";
import { openDeadLetterStore } from "../../src/engine/dead_letters/open_dead_letter_store.ts";
import { redriveDeadLetters } from "../../src/engine/dead_letters/redrive.ts";
import { unpark } from "../../src/engine/dead_letters/unpark.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { applyOffset, planOffset } from "../../src/engine/kafka/offset_admin.ts";
import type { TransactionStep } from "../../src/engine/kafka/transactor.ts";
import { assertEquals, assertExists, assertRejects } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  recreateTopic,
  testClient,
  uniqueName,
} from "../support/kafka.ts";
import { inTime } from "../support/in_time.ts";
import { runUntil } from "../support/run_until.ts";

for (const dies of [false, true]) {
  const how = dies ? "whose commits fail now and then" : "at work";
  Deno.test(`a flow ${how} parks the key of a dead letter, and unpark restores its order`, async () => {
    const client = await testClient();
    const [source = "", outTopic = ""] = await freshTopics(client, 1, "orders", "out");
    const read = z.object({ id: z.string(), n: z.number() });
    const out = topic(outTopic, { read, key: (event) => event.id });
    let mended = false;
    const flow = defineFlow({
      name: `park-${source}`,
      from: topic(source, { read, key: (event) => event.id }),
      to: [out],
      park: "key",
      transform(event) {
        if (!mended && event.id === "a" && event.n === 1) throw new PoisonError("not yet");
        return out.event(event);
      },
    });
    const dlq = flow.deadLetters;
    const place = (...ns: number[]) =>
      produce(
        client,
        ns.flatMap((n) => ["a", "b"].map((id) => record(source, 0, id, { id, n }))),
      );
    let commits = 0;
    const onStep = (step: TransactionStep) => {
      if (dies && step === "before-end-txn" && ++commits % 3 === 0) throw new Error("lost");
    };
    const bounds = { batchRecordsMax: 2 };
    await place(0, 1, 2, 3);
    await runUntil(client, flow, ({ records }) => records === 8, bounds, { onStep });

    await using store = openDeadLetterStore(client, { topic: dlq, transactionTimeoutMs: 10_000 });
    const letters = await listDeadLetters(store, { limit: 9, order: "oldest" });
    assertEquals(letters.map(({ errorClass }) => errorClass), [
      "PoisonError",
      "ParkedKeyError",
      "ParkedKeyError",
    ]);
    const keys = await listParkedKeys(store.log, { toHighWatermark: true });
    const parked = keys.find(({ topic }) => topic === source);
    assertExists(parked);

    mended = true;
    const sent = await unpark(store, parked, { waitMsMax: 0 });
    assertEquals(sent.redriven, 3);
    await place(4);
    await runUntil(client, flow, ({ records }) => records === 5, bounds, { onStep });
    const written = jsons(await readPartition(client, outTopic));
    for (const id of ["a", "b"]) {
      assertEquals(written.filter((event) => event.id === id).map(({ n }) => n), [0, 1, 2, 3, 4]);
    }
    const back = (await readPartition(client, source)).filter(({ headers }) =>
      headerText(headers, "x-redriven-from") !== undefined
    );
    assertEquals(back.length, 3);
  });
}

Deno.test("parked keys whose topic is recreated halt the lane while it runs, and the advice leads on", async () => {
  const { settings } = await testClient();
  const client = createKafkaClient({ ...settings, namespace: uniqueName("parking") });
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "orders", "out");
  const read = z.object({ id: z.string() });
  const out = topic(outTopic, { read, key: () => "key" });
  let mended = false;
  const flow = defineFlow({
    name: source,
    from: topic(source, { read, key: () => "key" }),
    to: [out],
    park: "key",
    deadLetters: `${source}.DLQ`,
    transform(event) {
      if (!mended) throw new PoisonError("not yet");
      return out.event(event);
    },
  });
  await produce(client, ["first", "second"].map((id) => record(source, 0, "key", { id })));
  const parked = Promise.withResolvers<void>();
  const observer = {
    committed: ({ deadLetters }: { readonly deadLetters: number }) =>
      void (deadLetters > 0 && parked.resolve()),
  };
  const running = runFlow(client, flow, AbortSignal.timeout(60_000), { observer }, {
    topicsLookMs: 50,
  });
  await inTime(Promise.race([parked.promise, running]), "the key is parked");
  await recreateTopic(client, client.names.parked, { "cleanup.policy": "compact" });
  const { message } = await assertRejects(() => running, HaltError, "deleted and recreated");

  const [, offset = ""] = message.match(/from offset (\d+)/) ?? [];
  const advice = /offsets set --group (\S+) --topic (\S+) --partition (\d+) --to OFFSET/;
  const [, groupId = "", name = "", partition] = message.match(advice) ?? [];
  const place = { groupId, topic: name, partition: Number(partition) };
  await using store = openDeadLetterStore(client, {
    ...{ topic: flow.deadLetters, transactionTimeoutMs: 10_000 },
  });
  const change = await planOffset(client, { ...place, to: Number(offset) });
  await applyOffset(client, store.transactions, change);
  mended = true;
  assertEquals((await redriveDeadLetters(store)).redriven, 2);
  await runUntil(client, flow, ({ outputs }) => outputs === 2);
  assertEquals(jsons(await readPartition(client, outTopic)).map(({ id }) => id), [
    "first",
    "second",
  ]);
});

Deno.test("a key whose queue is given up goes on with its next record", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "orders", "out");
  const read = z.object({ id: z.string() });
  const out = topic(outTopic, { read, key: () => "key" });
  const flow = defineFlow({
    name: source,
    from: topic(source, { read, key: () => "key" }),
    to: [out],
    park: "key",
    transform(event) {
      if (event.id === "bad") throw new PoisonError("never");
      return out.event(event);
    },
  });
  const place = (id: string) => produce(client, [record(source, 0, "key", { id })]);
  await place("bad");
  await runUntil(client, flow, ({ deadLetters }) => deadLetters === 1);
  await using store = openDeadLetterStore(client, {
    ...{ topic: flow.deadLetters, transactionTimeoutMs: 10_000 },
  });
  const keys = await listParkedKeys(store.log, { toHighWatermark: true });
  const parked = keys.find(({ topic }) => topic === source);
  assertExists(parked);
  assertEquals(await forgetQueue(store, parked), true);
  await place("good");
  await runUntil(client, flow, ({ outputs }) => outputs === 1);
  assertEquals(jsons(await readPartition(client, outTopic)).map(({ id }) => id), ["good"]);
});
