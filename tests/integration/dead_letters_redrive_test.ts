/** Redriving dead letters on real Kafka: once each, unaltered, whatever is interrupted. */
import { Kafka, logLevel } from "kafkajs";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import type { Header, TopicPartition } from "../../src/engine/core/record.ts";
import { listDeadLetters } from "../../src/engine/dead_letters/list_dead_letters.ts";
import { listGroups } from "../../src/engine/dead_letters/list_groups.ts";
import type { RecordLog } from "../../src/engine/dead_letters/record_log.ts";
import { redriveDeadLetters } from "../../src/engine/dead_letters/redrive.ts";
import { redriveEntry } from "../../src/engine/dead_letters/redrive_state.ts";
import { applyOffset, planOffset } from "../../src/engine/kafka/offset_admin.ts";
import { openPlainProducer } from "../../src/engine/kafka/plain_producer.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import type { TransactionStep } from "../../src/engine/kafka/transactor.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { settled } from "../support/kafka.ts";
import { believingNames } from "../support/mutants/believing_offsets.ts";
import { deadLetterTopics, header, headerTexts, valueText } from "./dead_letters_setup.ts";

Deno.test("redrive sends every dead letter back to its partition, bytes unaltered", async () => {
  const topics = await deadLetterTopics();
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
  await topics.fail(
    { key: "a", value: bytes, partition: 1, headers: [header("x-error", "its own"), ["n", null]] },
    { key: null, value: null, partition: 0 },
  );
  await using store = topics.open();
  const report = await redriveDeadLetters(store);

  const [first, second] = await topics.read(topics.input);
  const none = { again: 0, skipped: 0, refused: 0, removed: 0 };
  assertEquals(report, { redriven: 2, ...none, byTopic: { [topics.input]: 2 } });
  assertEquals([first?.partition, first?.key, first?.value], [0, null, null]);
  assertEquals([second?.partition, second?.value], [1, bytes]);
  assertEquals(second && headerTexts(second), [
    "x-error=its own",
    "n=null",
    "x-redriven-for=onceflow.test",
    `x-redriven-from=${topics.dlq}/1/0`,
    "x-redriven-trips=1",
    "x-redriven-attempts=1",
    `x-redriven-first-origin=${topics.input}/1/0`,
    `x-redriven-first-failed-at=${(await topics.read(topics.dlq))[1]?.timestamp}`,
  ]);
});

Deno.test("redrive run twice does nothing the second time", async () => {
  const topics = await deadLetterTopics();
  await topics.fail({ key: "a", value: "1" }, { key: "b", value: "2", partition: 1 });
  await using store = topics.open();
  await redriveDeadLetters(store);
  assertEquals((await redriveDeadLetters(store)).redriven, 0);
  assertEquals((await topics.read(topics.input)).length, 2);
  assertEquals((await listDeadLetters(store, { limit: 10, pending: true })).length, 0);
});

Deno.test("what is sent back is cut to what its topic takes", async () => {
  const topics = await deadLetterTopics();
  await topics.bound(2_000);
  const value = () => crypto.getRandomValues(new Uint8Array(900));
  await topics.fail(...Array.from({ length: 5 }, () => ({ key: "a", value: value() })));
  await using store = topics.open();
  assertEquals((await redriveDeadLetters(store)).redriven, 5);
  assertEquals((await topics.read(topics.input)).length, 5);
});

Deno.test("dead letters that retention has removed hold no redrive up, and it says how many", async () => {
  const topics = await deadLetterTopics();
  await topics.fail(...["1", "2", "3", "4"].map((value) => ({ key: "a", value })));
  await using store = topics.open();
  await redriveDeadLetters(store, { addresses: [{ partition: 0, offset: 0 }] });
  await topics.removeBelow(3);
  const said: number[][] = [];
  const observer = {
    removed: ({ partition }: TopicPartition, offsets: number, start: number) =>
      said.push([partition, offsets, start]),
  };
  const asked = await redriveDeadLetters(store, { dryRun: true }, undefined, observer);
  const done = await redriveDeadLetters(store, {}, undefined, observer);
  // 0 went back by itself, 1 and 2 are gone.
  assertEquals([asked.removed, done.removed, done.redriven], [2, 2, 1]);
  assertEquals(said, [[0, 2, 3], [0, 2, 3]]);
  assertEquals((await topics.read(topics.input)).map(valueText).toSorted(), ["1", "4"]);
  assertEquals((await redriveDeadLetters(store)).removed, 0);
});

const steps: TransactionStep[] = [
  "after-init-producer-id",
  "before-offsets",
  "before-send",
  "before-end-txn",
  "after-commit",
];
for (const selected of [false, true]) {
  for (const step of steps) {
    const what = selected ? "a redrive of selected records" : "a redrive of all";
    Deno.test(`${what} that dies at ${step} and is run again doubles nothing`, async () => {
      const topics = await deadLetterTopics();
      await topics.fail(...["1", "2", "3", "4", "5"].map((value) => ({ key: "a", value })));
      const options = {
        batchRecordsMax: 2,
        ...(selected && { key: new TextEncoder().encode("a") }),
      };
      let calls = 0;
      const dying = new AbortController();
      {
        await using store = topics.open({
          onStep(at) {
            // In the second transaction, so that there is something before it.
            if (at !== step || ++calls < (step === "after-init-producer-id" ? 1 : 2)) return;
            dying.abort(new Error("killed"));
            throw new Error("killed");
          },
        });
        await assertRejects(() => redriveDeadLetters(store, options, dying.signal), Error);
      }
      await using store = topics.open();
      await redriveDeadLetters(store, options);
      const values = (await topics.read(topics.input)).map(valueText);
      assertEquals(values, ["1", "2", "3", "4", "5"]);
    });
  }
}

Deno.test("a redrive whose answer is lost looks up the outcome and goes on", async () => {
  const topics = await deadLetterTopics();
  await topics.fail(...["1", "2", "3", "4", "5"].map((value) => ({ key: "a", value })));
  for (const step of ["before-end-txn", "after-commit"] as const) {
    let calls = 0;
    await using store = topics.open({
      onStep(at) {
        if (at === step && ++calls === 2) throw new Error("the answer is lost");
      },
    });
    const report = await redriveDeadLetters(store, {
      key: new TextEncoder().encode("a"),
      again: true,
      // The pace holds through the doubt: no batch is larger, and none is counted twice.
      perSecond: 20,
    });
    assertEquals([report.redriven, report.skipped], [5, 0]);
    assertEquals(report.again, step === "after-commit" ? 5 : 0);
  }
  const values = (await topics.read(topics.input)).map(valueText);
  assertEquals(values, ["1", "2", "3", "4", "5", "1", "2", "3", "4", "5"]);
});

Deno.test("a mark above another transaction that is still open is not overlooked", async () => {
  const topics = await deadLetterTopics();
  await topics.fail({ key: "a", value: "1" });
  const open = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const transactions = createTransactions(topics.client, {
    transactionTimeoutMs: 30_000,
    async onStep(step) {
      if (step !== "before-end-txn") return;
      open.resolve();
      await end.promise;
    },
  });
  await using _ = transactions;
  await using other = await transactions.open(`other-${crypto.randomUUID()}`);
  let holding: Promise<void> | undefined;
  await using store = topics.open({
    async onStep(step) {
      // After the first redrive has read the state, and before it writes its mark.
      if (step !== "before-offsets" || holding) return;
      holding = other.commit({
        records: [redriveEntry(topics.client.names, otherRecord, "x", "x")],
        offsets: [],
      });
      await open.promise;
    },
  });

  const selection = { addresses: [{ partition: 0, offset: 0 }] };
  assertEquals((await redriveDeadLetters(store, selection)).redriven, 1);
  const second = redriveDeadLetters(store, selection);
  // The second cannot know before the other transaction has ended, so it waits for that.
  assertEquals(await Promise.race([second, delay(1_500).then(() => "waits")]), "waits");
  end.resolve();
  await holding;
  assertEquals([(await second).redriven, (await second).skipped], [0, 1]);
  assertEquals((await topics.read(topics.input)).length, 1);
});

Deno.test("a selected redrive leaves holes that a redrive of all respects", async () => {
  const topics = await deadLetterTopics();
  await topics.fail(
    { key: "a", value: "1" },
    { key: "b", value: "2", errorClass: "TaxError" },
    { key: "a", value: "3", errorClass: "TaxError" },
    { key: "b", value: "4" },
  );
  await using store = topics.open();
  const key = new TextEncoder().encode("a");
  assertEquals((await redriveDeadLetters(store, { errorClass: "TaxError", key })).redriven, 1);
  assertEquals((await redriveDeadLetters(store, { errorClass: "TaxError", limit: 5 })).skipped, 1);
  const values = async () => (await topics.read(topics.input)).map(valueText);
  assertEquals(await values(), ["3", "2"]);
  await settled(topics.client, [topics.client.names.redriven]);
  const pending = await listDeadLetters(store, { limit: 10, pending: true });
  assertEquals(pending.map(({ record }) => valueText(record)), ["4", "1"]);
  const { groups } = await listGroups(store);
  const [, tax] = groups.toSorted((a, b) => a.errorClass.localeCompare(b.errorClass));
  assertEquals(groups.map(({ count, pending }) => [count, pending]).sort(), [[2, 0], [2, 2]]);
  const again = { fingerprint: tax?.fingerprint, again: true, dryRun: true };
  const would = await redriveDeadLetters(store, again);
  assertEquals([would.redriven, would.again, would.skipped], [2, 2, 0]);

  assertEquals((await redriveDeadLetters(store, { dryRun: true })).redriven, 2);
  assertEquals((await redriveDeadLetters(store, { limit: 1 })).redriven, 1);
  assertEquals((await redriveDeadLetters(store)).redriven, 1);
  assertEquals(await values(), ["3", "2", "1", "4"]);
});

Deno.test("the state outlives the group's offset, which expires", async () => {
  const topics = await deadLetterTopics();
  await topics.fail({ key: "a", value: "1" }, { key: "a", value: "2" });
  await using store = topics.open();
  await redriveDeadLetters(store);
  const expired = { offset: -1, metadata: "" };
  const forgetful = {
    ...store,
    transactions: { ...store.transactions, stableOffset: () => Promise.resolve(expired) },
  };
  assertEquals((await redriveDeadLetters(forgetful)).redriven, 0);
  assertEquals((await topics.read(topics.input)).length, 2);
});

Deno.test("a redrive of a partition that another redrive has taken over stops", async () => {
  const topics = await deadLetterTopics();
  await topics.fail(...["1", "2", "3", "4"].map((value) => ({ key: "a", value })));
  let commits = 0;
  await using second = topics.open();
  await using first = topics.open({
    async onStep(step) {
      if (step === "before-offsets" && ++commits === 2) await redriveDeadLetters(second);
    },
  });
  await assertRejects(
    () => redriveDeadLetters(first, { batchRecordsMax: 2 }),
    HaltError,
    "another redrive has taken it over",
  );
  assertEquals((await topics.read(topics.input)).map(valueText), ["1", "2", "3", "4"]);
});

Deno.test("what cannot go back is named and stays pending, and the others go on", async () => {
  const topics = await deadLetterTopics();
  const encoder = new TextEncoder();
  const connect = (topic: string) => [
    header("__connect.errors.topic", topic),
    header("__connect.errors.partition", "1"),
    header("__connect.errors.offset", "5"),
  ];
  const original = {
    topic: topics.input,
    partition: 0,
    offset: 9,
    timestamp: Date.now(),
    key: null,
  };
  const reason = { errorClass: "E", error: "no", attempts: 1, groupId: "g" };
  const destination = { topic: topics.dlq, partitionCount: 2, recordBytesMax: 4_000 };
  const unread = { lastOffset: 12, records: 4, batchBytes: 900, reason: "too large" };
  const value = new Uint8Array(10_000);
  const foreign = (text: string, headers: readonly Header[]) => ({
    topic: topics.dlq,
    partition: 0,
    key: null,
    value: encoder.encode(text),
    headers,
  });
  {
    await using producer = await openPlainProducer(topics.client);
    await producer.send([
      foreign("by hand", []),
      deadLetter({ ...original, value, headers: [] }, reason, destination),
      deadLetter({ ...original, value: null, headers: [], unread }, reason, destination),
      foreign("of a topic that is gone", connect(`${topics.input}-gone`)),
      foreign("connect", connect(topics.input)),
    ]);
  }
  await topics.fail({ key: "a", value: "1" });
  await using store = topics.open();
  const refused: string[] = [];
  const observer = { refused: (_: unknown, text: string) => refused.push(text) };
  // Those that cannot go do not count.
  const one = await redriveDeadLetters(store, { limit: 1 }, undefined, observer);
  assertEquals([one.redriven, one.refused], [1, 4]);
  const words = ["--to TOPIC", "cut: value", "4 record(s)", "does not exist"];
  refused.forEach((text, index) => assertStringIncludes(text, words[index] ?? "?"));
  const rest = await redriveDeadLetters(store);
  assertEquals([rest.redriven, rest.refused], [1, 0]);
  const values = async () => (await topics.read(topics.input)).map(valueText);
  assertEquals(await values(), ["1", "connect"]);

  await settled(topics.client, [topics.client.names.redriven]);
  const pending = await listDeadLetters(store, { limit: 10, pending: true });
  assertEquals(pending.map(({ record }) => record.offset).sort(), [0, 1, 2, 3]);
  const addresses = pending.map(({ record }) => record);
  await assertRejects(
    () => redriveDeadLetters(store, { addresses, to: `${topics.input}-missing` }),
    HaltError,
    "does not exist",
  );
  // As the refusal advises.
  const elsewhere = { topic: `${topics.input}-gone`, to: topics.input };
  assertEquals((await redriveDeadLetters(store, elsewhere)).redriven, 1);
  const sent = await redriveDeadLetters(store, { addresses, to: topics.input });
  assertEquals([sent.redriven, sent.refused], [1, 2]);
  assertEquals((await values()).length, 4);
});

const otherRecord = { topic: "another.DLQ", partition: 0, offset: 0, timestamp: 0 };

Deno.test("new dead letters are pending where the topic was deleted and recreated after redrives", async () => {
  const topics = await deadLetterTopics();
  await topics.fail({ key: "a", value: "1" }, { key: "a", value: "2" }, { key: "b", value: "3" });
  await using store = topics.open();
  const id = await store.log.topicId?.(topics.dlq);
  const one = { addresses: [{ partition: 0, offset: 0 }] };
  await redriveDeadLetters(store, one);
  await redriveDeadLetters(store);
  assertEquals((await topics.read(topics.input)).length, 3);

  const kafka = new Kafka({
    brokers: [...topics.client.settings.brokers],
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topics.dlq] });
  await admin.disconnect();
  const look = async () => {
    // The broker hears of it later than the controller.
    for (;; await delay(50)) {
      const place = { topic: topics.dlq, partition: 0 };
      const said = await store.log.range(place).then(() => undefined, (error) => error.message);
      if (said !== undefined) return said;
    }
  };
  const said = await inTime(look(), "the topic is gone");
  assertStringIncludes(said, `topic "${topics.dlq}" does not exist any more`);
  await ensureTopics(topics.client, [{ topic: topics.dlq, partitions: 2, replicationFactor: 1 }]);
  await topics.fail({ key: "a", value: "4" }, { key: "b", value: "5" });
  await settled(topics.client, [topics.client.names.redriven]);
  await using again = topics.open();
  const pendingBy = async (log: RecordLog) =>
    (await listDeadLetters({ ...again, log }, { limit: 9, pending: true })).length;
  assertEquals(await pendingBy(believingNames(again.log, id)), 0, "the mutant passes them over");
  assertEquals(await pendingBy(again.log), 2);
  assertEquals((await redriveDeadLetters(again)).redriven, 2);
  assertEquals((await redriveDeadLetters(again)).redriven, 0);
  assertEquals((await topics.read(topics.input)).map(valueText).sort(), ["1", "2", "3", "4", "5"]);
});

Deno.test("an offset of the redrive that names other notes halts, and the advice leads on", async () => {
  const topics = await deadLetterTopics();
  await topics.fail({ key: "a", value: "1" });
  await using store = topics.open();
  const place = { topic: topics.dlq, partition: 0 };
  const topicId = await store.log.topicId?.(topics.dlq);
  {
    await using transactor = await store.transactions.open(
      `${topics.client.names.redrive}/${topics.dlq}/0`,
    );
    const metadata = `state=${"0".repeat(32)} topic_id=${topicId}`;
    await transactor.commit({
      records: [],
      offsets: [{ ...place, groupId: topics.client.names.redrive, offset: 0, metadata }],
    });
  }
  const halt = await assertRejects(() => redriveDeadLetters(store), HaltError);
  assertStringIncludes(halt.message, topics.client.names.redriven);
  const [, groupId = ""] = halt.message.match(/offsets set --group (\S+)/) ?? [];
  const change = await planOffset(topics.client, { ...place, groupId, to: 0 });
  await applyOffset(topics.client, store.transactions, change);
  assertEquals((await redriveDeadLetters(store)).redriven, 1);
});
