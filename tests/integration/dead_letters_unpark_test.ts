/** Parking and unparking on real Kafka: order per key holds through failures, crashes and new arrivals. */
import { delay } from "../../src/engine/core/delay.ts";
import { ProblemError } from "../../src/app/http/problem.ts";
import { unparkDeed } from "../../src/app/operate/unpark_deed.ts";
import { openRecordLog } from "../../src/engine/dead_letters/kafka_record_log.ts";
import { listParkedKeys } from "../../src/engine/dead_letters/load_parked_keys.ts";
import type { ParkedKey } from "../../src/engine/dead_letters/parked_entry.ts";
import { redriveDeadLetters } from "../../src/engine/dead_letters/redrive.ts";
import { outcomeSentence } from "../../src/engine/dead_letters/render_parked_keys.ts";
import { forgetQueue } from "../../src/engine/dead_letters/forget_queue.ts";
import { unpark } from "../../src/engine/dead_letters/unpark.ts";
import { unparkMany } from "../../src/engine/dead_letters/unpark_many.ts";
import { openPlainProducer } from "../../src/engine/kafka/plain_producer.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import type { TransactionStep } from "../../src/engine/kafka/transactor.ts";
import {
  assert,
  assertEquals,
  assertExists,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { type ParkingLane, runParkingLane } from "./dead_letters_lane.ts";
import { deadLetterTopics, valueText } from "./dead_letters_setup.ts";

const encoder = new TextEncoder();

/** A lane at work on a topic of its own. */
async function laneAtWork(
  options: { readonly bad: string[]; readonly onStep?: (step: TransactionStep) => void },
) {
  const topics = await deadLetterTopics();
  const { client, input, dlq } = topics;
  const output = `${input}.out`;
  await ensureTopics(client, [{ topic: output, partitions: 2, replicationFactor: 1 }]);
  const store = topics.open();
  await store.prepare();
  const log = openRecordLog(client);
  const transactions = createTransactions(client, {
    transactionTimeoutMs: 10_000,
    onStep: options.onStep,
  });
  const stop = new AbortController();
  const bad = new Set(options.bad);
  const groupId = `group-${crypto.randomUUID()}`;
  const lane: ParkingLane = { groupId, input, dlq, output, recordsMax: 3, bad };
  const running = runParkingLane(log, transactions, lane, stop.signal);
  const producer = await openPlainProducer(client);
  return {
    ...topics,
    store,
    bad,
    async place(...values: string[]): Promise<void> {
      await producer.send(values.map((value) => ({
        topic: input,
        partition: 0,
        key: encoder.encode(value.slice(0, 1)),
        value: encoder.encode(value),
        headers: [],
      })));
    },
    /** Waits until the lane has done all that is there. */
    async settled(): Promise<void> {
      const end = await log.highWatermark({ topic: input, partition: 0 });
      for (let attempt = 0; attempt < 3_000; attempt++) {
        const { offset } = await transactions.stableOffset(groupId, { topic: input, partition: 0 });
        if (offset >= end) return;
        await delay(20);
      }
      throw new Error(`the lane has not reached ${end} within a minute`);
    },
    async parked(): Promise<ParkedKey[]> {
      const all = await listParkedKeys(log, { toHighWatermark: true });
      return all.filter((key) => key.groupId === groupId);
    },
    /** Values that the lane has put out, of one key. */
    async outputs(key: string): Promise<string[]> {
      return (await topics.read(output)).map(valueText).filter((value) => value.startsWith(key));
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await producer[Symbol.asyncDispose]();
      await transactions[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

const waiting = { waitMsMax: 60_000 };

Deno.test("unpark, asked for over HTTP, sends a key's records back in their order and frees it", async () => {
  await using world = await laneAtWork({ bad: ["a1"] });
  await world.place("a0", "a1", "b0", "a2", "a3");
  await world.settled();
  const [key] = await world.parked();
  assertExists(key);
  assertEquals([key.length, key.done, await world.outputs("a")], [3, 0, ["a0"]]);

  world.bad.clear();
  const plan = unparkDeed(world.dlq, () => world.open());
  const told: unknown[] = [];
  const ask = (body: unknown) =>
    plan(body).perform(
      ({ redriven }) => told.push(redriven),
      new AbortController().signal,
      () => Promise.resolve(),
    );
  const asked = { key: "a", group: key.groupId, wait_seconds: 60 };
  const seen = await ask({ ...asked, dry_run: true });
  assertEquals([seen.count, seen.waiting, (await world.parked()).length], [1, 3, 1]);
  const none = await assertRejects(() => ask({ ...asked, key: "b" }), ProblemError);
  assertEquals([none.problem.status, none.problem.type], [404, "urn:onceflow:problem:not-parked"]);
  // A tenth of a second's records at a time.
  const { keys } = await ask({ ...asked, per_second: 10 });
  assertEquals(told, [1, 2, 3]);
  const [outcome] = keys as readonly Record<string, unknown>[];
  assertEquals([outcome?.outcome, outcome?.redriven], ["free", 3]);
  await world.place("a4");
  await world.settled();
  assertEquals(await world.outputs("a"), ["a0", "a1", "a2", "a3", "a4"]);
  assertEquals(await world.outputs("b"), ["b0"]);
  assertEquals(await world.parked(), []);
});

Deno.test("records that arrive while a key is unparked keep their order", async () => {
  await using world = await laneAtWork({ bad: ["a0"] });
  const values = Array.from({ length: 60 }, (_, index) => `a${index}`);
  await world.place(...values.slice(0, 5));
  await world.settled();
  const [key] = await world.parked();
  assertExists(key);
  world.bad.clear();
  const arriving = (async () => {
    for (const value of values.slice(5)) await world.place(value);
  })();
  const outcome = await unpark(world.store, key, { ...waiting, roundsMax: 100 });
  await arriving;
  await world.settled();
  assertEquals(outcome.kind, "free");
  assertEquals(await world.outputs("a"), values);
});

Deno.test("a redrive of single records out of order cannot break the order of a parked key", async () => {
  await using world = await laneAtWork({ bad: ["a0"] });
  await world.place("a0", "a1", "a2");
  await world.settled();
  world.bad.clear();
  await redriveDeadLetters(world.store, { addresses: [{ partition: 0, offset: 2 }] });
  await redriveDeadLetters(world.store, { addresses: [{ partition: 0, offset: 0 }] });
  await world.settled();
  const [key] = await world.parked();
  assertExists(key);
  assertEquals(await world.outputs("a"), ["a0"]);
  assertEquals((await unpark(world.store, key, waiting)).kind, "free");
  assertEquals(await world.outputs("a"), ["a0", "a1", "a2"]);
});

Deno.test("unpark says when the first record fails again, and can skip it", async () => {
  await using world = await laneAtWork({ bad: ["a0"] });
  await world.place("a0", "a1");
  await world.settled();
  const [key] = await world.parked();
  assertExists(key);
  const again = await unpark(world.store, key, waiting);
  assert(again.kind === "failed-again");
  assertEquals(again.deadLetter.errorClass, "PoisonError");
  assertEquals(await world.outputs("a"), []);

  world.bad.add("a1");
  const [next] = await world.parked();
  assertExists(next);
  const told = { redriven: 0, passedOver: 0 };
  const observer = {
    redriven: ({ length }: readonly unknown[]) => void (told.redriven += length),
    passedOver: ({ length }: readonly unknown[]) => void (told.passedOver += length),
  };
  const skipping = { ...waiting, skipFirst: true };
  const stuck = await unpark(world.store, next, skipping, undefined, observer);
  // The other one twice: behind the first, and when its turn had come.
  assertEquals([stuck.kind, stuck.passedOver, told], [
    ...["failed-again", 1, { redriven: 2, passedOver: 1 }],
  ]);
  assertStringIncludes(outcomeSentence(stuck), "1 passed over and NOT processed: the first failed");
  await world.place("a2");
  await world.settled();
  const skipped = await unparkMany(world.store, await world.parked(), skipping);
  assertEquals(skipped.map(({ kind, passedOver }) => [kind, passedOver]), [["free", 1]]);
  assert(skipped[0]);
  assertStringIncludes(outcomeSentence(skipped[0]), "1 passed over and NOT processed");
  assertEquals(await world.outputs("a"), ["a2"]);
});

Deno.test("many keys are freed in one pass over the partition, and one that fails again holds up none", async () => {
  const keys = "abcdefghij".split("");
  await using world = await laneAtWork({ bad: keys.map((key) => `${key}0`) });
  for (const number of [0, 1, 2]) await world.place(...keys.map((key) => `${key}${number}`));
  await world.settled();
  const parked = await world.parked();
  assertEquals(parked.length, keys.length);
  world.bad.clear();
  world.bad.add("c0");
  world.bad.add("d1");
  let opened = 0;
  const log = {
    ...world.store.log,
    partitionCount: world.store.log.partitionCount.bind(world.store.log),
    topicId: (topic: string) => world.store.log.topicId?.(topic) ?? Promise.resolve(undefined),
    range: world.store.log.range.bind(world.store.log),
    highWatermark: world.store.log.highWatermark.bind(world.store.log),
    committedOffset: world.store.log.committedOffset.bind(world.store.log),
    openReader: (place: { topic: string; partition: number }, from: number) => {
      if (place.topic === world.dlq) opened++;
      return world.store.log.openReader(place, from);
    },
  };
  const outcomes = await unparkMany({ ...world.store, log }, parked, waiting);
  const kinds = new Map(outcomes.map((outcome) => [
    new TextDecoder().decode(outcome.parked.key),
    outcome.kind,
  ]));
  for (const key of keys) {
    assertEquals(kinds.get(key), key === "c" || key === "d" ? "failed-again" : "free");
    const expected = key === "c" ? [] : key === "d" ? ["d0"] : [`${key}0`, `${key}1`, `${key}2`];
    assertEquals(await world.outputs(key), expected);
  }
  // A few rounds, and not one pass or more for each key.
  assert(opened < keys.length, `the dead letters were read ${opened} times`);

  world.bad.clear();
  const rest = await unparkMany(world.store, await world.parked(), waiting);
  assertEquals(rest.map(({ kind }) => kind), ["free", "free"]);
  assertEquals(await world.outputs("c"), ["c0", "c1", "c2"]);
  assertEquals(await world.outputs("d"), ["d0", "d1", "d2"]);
  assertEquals(await world.parked(), []);
});

Deno.test("forget frees a key under a lane at work", async () => {
  await using world = await laneAtWork({ bad: ["a0"] });
  await world.place("a0", "a1");
  await world.settled();
  const [key] = await world.parked();
  assertExists(key);
  assertEquals(await forgetQueue(world.store, key), true);
  await world.place("a2");
  await world.settled();
  assertEquals(await world.outputs("a"), ["a2"]);
  assertEquals(await forgetQueue(world.store, key), false);
});

Deno.test("a lane that crashes at every third commit parks and unparks all the same", async () => {
  let commits = 0;
  await using world = await laneAtWork({
    bad: ["a1", "b2"],
    onStep(step) {
      const dies = step === "before-end-txn" || step === "after-commit";
      if (dies && ++commits % 3 === 0) throw new Error("killed");
    },
  });
  const values = Array.from({ length: 24 }, (_, index) => `${"abc"[index % 3]}${index}`);
  world.bad.add("a3").add("b4");
  await world.place(...values);
  await world.settled();
  world.bad.clear();
  for (const key of await world.parked()) {
    assertEquals((await unpark(world.store, key, waiting)).kind, "free");
  }
  for (const key of ["a", "b", "c"]) {
    assertEquals(await world.outputs(key), values.filter((value) => value.startsWith(key)));
  }
});
