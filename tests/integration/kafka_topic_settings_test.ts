/** Topics that exist already with other settings than ours: checked before work begins, and lived with while it runs. */
import { Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { namesIn } from "../../src/engine/core/names.ts";
import { watchSettings } from "../../src/engine/flow/watch_settings.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { laneCheckpointsTopic } from "../../src/engine/kafka/lane_checkpoints.ts";
import type { TopicUse } from "../../src/engine/kafka/topic_spec.ts";
import { createTopicDirectory } from "../../src/engine/kafka/topic_directory.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { defineFlow, HaltError, topic } from "../../src/engine/mod.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import {
  freshTopics,
  produce,
  readPartition,
  record,
  testClient,
  texts,
  uniqueName,
} from "../support/kafka.ts";
import { inTime } from "../support/in_time.ts";
import { runUntil } from "../support/run_until.ts";

type Client = Awaited<ReturnType<typeof testClient>>;

const topicResource = 2;

async function withAdmin<T>(
  client: Client,
  act: (admin: ReturnType<Kafka["admin"]>) => Promise<T>,
): Promise<T> {
  const admin = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
    .admin();
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.disconnect();
  }
}

function alter(client: Client, name: string, settings: Record<string, string>) {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  return withAdmin(client, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: topicResource, name, configEntries }],
    }));
}

const read = z.object({ id: z.string() });
const key = ({ id }: { id: string }) => id.slice(0, 8);

/** A flow that copies, whose output topic has these settings. */
async function copying(client: Client, config: Record<string, string>) {
  const [source = ""] = await freshTopics(client, 1, "in");
  const target = uniqueName("out");
  await ensureTopics(client, [{ topic: target, partitions: 1, replicationFactor: 1, config }]);
  const out = topic(target, { read, key });
  const flow = defineFlow({
    name: source,
    from: topic(source, { read, key }),
    to: [out],
    transform: (event) => out.event(event),
  });
  return { flow, source, target };
}

Deno.test("state in a topic that deletes is refused; what the refusal says mends it", async () => {
  const client = await testClient();
  const spec = { ...laneCheckpointsTopic(namesIn(), 1), topic: uniqueName("lanes") };
  await ensureTopics(client, [{ topic: spec.topic, partitions: 1, replicationFactor: 1 }]);
  const halt = await assertRejects(() => ensureTopics(client, [spec]), HaltError);
  assertStringIncludes(halt.message, `Topic ${spec.topic} has cleanup.policy=delete`);
  const advice = halt.message.match(/--topic (\S+) --add-config (\S+)=(\S+)/);
  assert(advice, halt.message);
  const [, name = "", setting = "", value = ""] = advice;
  await alter(client, name, { [setting]: value });
  await ensureTopics(client, [spec]);
});

Deno.test("more replicas than brokers, and a setting that Kafka does not know, name what asks for them", async () => {
  const client = await testClient();
  const wrong = { topic: uniqueName("five"), partitions: 1, replicationFactor: 5 };
  const halt = await assertRejects(() => ensureTopics(client, [wrong]), HaltError);
  for (const part of [wrong.topic, "TOPIC_REPLICATION_FACTOR asks for 5", "1 broker"]) {
    assertStringIncludes(halt.message, part);
  }
  const odd = { ...wrong, replicationFactor: 1, config: { "cleanup.policy": "sometimes" } };
  assertStringIncludes(
    (await assertRejects(() => ensureTopics(client, [odd]), HaltError)).message,
    "sometimes",
  );
});

Deno.test("an input that is deleted or compacted before it is read, and an output that every replica is needed for, are said", async () => {
  const client = await testClient();
  const lines: string[] = [];
  configureLogging({ level: "warning", write: (line) => void lines.push(line) });
  const make = async (config: Record<string, string>, use: TopicUse) => {
    const spec = { topic: uniqueName("found"), partitions: 1, replicationFactor: 1 };
    await ensureTopics(client, [{ ...spec, config }]);
    return { ...spec, uses: [use] };
  };
  const brief = await make({ "retention.ms": "60000" }, "input");
  const compacted = await make({ "cleanup.policy": "compact" }, "input");
  const locked = await make({ "min.insync.replicas": "2" }, "output");
  for (let start = 0; start < 2; start++) await ensureTopics(client, [brief, compacted, locked]);
  for (
    const [{ topic }, setting] of [
      ...[[brief, "retention.ms=60000"], [compacted, "cleanup.policy=compact"]] as const,
      [locked, "min.insync.replicas=2"] as const,
    ]
  ) {
    const own = lines.filter((line) => line.includes(topic));
    assertEquals(own.length, 1, own.join(""));
    assertStringIncludes(own[0] ?? "", `Topic ${topic} has ${setting}`);
  }
});

Deno.test("a setting that is changed while work goes on is said until it is put right, and again when it comes again", async () => {
  const client = await testClient();
  const lines: string[] = [];
  configureLogging({ level: "info", write: (line) => void lines.push(line) });
  const plain = { partitions: 1, replicationFactor: 1 };
  const history = { ...plain, topic: uniqueName("history"), uses: ["history" as const] };
  const input = { ...plain, topic: uniqueName("input"), uses: ["input" as const] };
  const lanes = { ...laneCheckpointsTopic(namesIn(), 1), topic: uniqueName("lanes") };
  const made = [history, input].map((spec) => ({ ...spec, config: forEver }));
  await ensureTopics(client, [...made, lanes]);
  const health = createHealth();
  const stop = new AbortController();
  const watching = watchSettings(client, health, stop.signal, 50);
  const found = ({ topic }: { topic: string }) =>
    health.ready().checks.find(({ name }) => name === `topic:${topic}`);
  const until = async (condition: () => boolean) => {
    while (!condition()) await delay(20, AbortSignal.timeout(60_000));
  };
  const brief = () => alter(client, input.topic, { ...forEver, "retention.ms": "60000" });
  await brief();
  await until(() => found(input)?.detail.includes("retention.ms=60000") === true);
  assertEquals(found(input)?.ok, true, "what only might lose holds nobody up");
  await alter(client, input.topic, forEver);
  await until(() => found(input)?.detail === "");
  await brief();
  await until(() => found(input)?.detail.includes("retention.ms=60000") === true);
  for (const { topic } of [history, lanes]) {
    const wrong = topic === history.topic ? "compact" : "delete";
    await alter(client, topic, { "cleanup.policy": wrong });
    await until(() => found({ topic })?.ok === false);
    const [, advice = ""] = found({ topic })?.detail.match(/--add-config (\S+)$/) ?? [];
    await alter(client, topic, Object.fromEntries(advice.split(",").map(pair)));
    await until(() => found({ topic })?.ok === true);
  }
  stop.abort();
  await watching;
  const said = (topic: string) =>
    lines.filter((line) => line.includes(topic) && !line.includes("Made topics"))
      .map((line) => line.includes("[INF]") ? "over" : "holds");
  assertEquals(said(input.topic), ["holds", "over", "holds"], lines.join(""));
  for (const { topic } of [history, lanes]) assertEquals(said(topic), ["holds", "over"]);
});

const forEver = { "cleanup.policy": "delete", "retention.ms": "-1" };

/** Of `name=value`. */
function pair(text: string): [string, string] {
  const [name = "", value = ""] = text.split("=");
  return [name, value];
}

Deno.test("a topic that two roles use is judged once, by both uses", async () => {
  const client = await testClient();
  const lines: string[] = [];
  configureLogging({ level: "warning", write: (line) => void lines.push(line) });
  const spec = { topic: uniqueName("both"), partitions: 1, replicationFactor: 1 };
  await ensureTopics(client, [{ ...spec, config: { "retention.ms": "60000" } }]);
  for (const use of ["history", "input"] as const) {
    await ensureTopics(client, [{ ...spec, uses: [use] }]);
  }
  assertEquals(lines.length, 1, lines.join(""));
  assertStringIncludes(lines[0] ?? "", "retention.ms=-1");
});

Deno.test("partitions that are added while work goes on are written to soon, and said once", async () => {
  const client = await testClient();
  const [name = ""] = await freshTopics(client, 1, "grown");
  const lines: string[] = [];
  configureLogging({ level: "warning", write: (line) => void lines.push(line) });
  await using topics = createTopicDirectory(client, 50);
  await topics.lookUp([name]);
  assertEquals(topics.partitionCount(name), 1);
  await withAdmin(
    client,
    (admin) => admin.createPartitions({ topicPartitions: [{ topic: name, count: 3 }] }),
  );
  const grown = async () => {
    while (topics.partitionCount(name) !== 3) await delay(20);
  };
  await inTime(grown(), "the directory knows three partitions");
  await delay(200); // It has looked again meanwhile.
  const said = lines.filter((line) => line.includes(name));
  assertEquals(said.length, 1, said.join(""));
  assertStringIncludes(said[0] ?? "", "has 3 partitions now, it had 1");
});

Deno.test("a transaction timeout above the broker's halts, and names both settings", async () => {
  const client = await testClient();
  const { flow, source } = await copying(client, {});
  await produce(client, [record(source, 0, "a", { id: "a" })]);
  const options = { transactionTimeoutMs: 40 * 60_000 };
  const halt = await assertRejects(() => runUntil(client, flow, () => true, options), HaltError);
  assertStringIncludes(halt.message, "TRANSACTION_TIMEOUT_MS");
  assertStringIncludes(halt.message, "transaction.max.timeout.ms");
});

Deno.test("a backlog is split to what its topic takes; a record over that is a dead letter that says so", async () => {
  const client = await testClient();
  const { flow, source, target } = await copying(client, { "max.message.bytes": "50000" });
  const ids = Array.from({ length: 200 }, (_, index) => `${index} ${"x".repeat(1_000)}`);
  const large = `large ${"y".repeat(60_000)}`;
  await produce(client, [...ids, large].map((id) => record(source, 0, id.slice(0, 8), { id })));
  const totals = await runUntil(client, flow, ({ records }) => records >= 201);
  assertEquals([totals.outputs, totals.deadLetters], [200, 1]);
  assertEquals((await readPartition(client, target)).length, 200);
  const [letter] = await readPartition(client, flow.deadLetters);
  const reason =
    texts([{ ...letter, value: headerOf(letter?.headers as never, "x-error") } as never])[0];
  assertStringIncludes(reason ?? "", target);
  assertStringIncludes(reason ?? "", "max.message.bytes");
});

function headerOf(headers: readonly (readonly [string, unknown])[] | undefined, name: string) {
  return headers?.find(([header]) => header === name)?.[1];
}

Deno.test("an output without a key for a compacted topic is a dead letter, and those behind it go on", async () => {
  const client = await testClient();
  const { flow, source, target } = await copying(client, { "cleanup.policy": "compact" });
  const [out] = flow.to;
  const keyless = {
    ...flow,
    transform: (event: { id: string }) => out?.event(event, event.id === "a" ? { key: null } : {}),
  };
  await produce(client, ["a", "b"].map((id) => record(source, 0, id, { id })));
  const totals = await runUntil(client, keyless, ({ records }) => records === 2);
  assertEquals(totals.deadLetters, 1);
  assertEquals(texts(await readPartition(client, target)), [`{"id":"b"}`]);
});

Deno.test("a limit that is lowered while a flow runs is learned", async () => {
  const client = await testClient();
  const { flow, source, target } = await copying(client, {});
  const fill = (from: number) =>
    produce(
      client,
      Array.from({ length: 200 }, (_, index) => {
        const id = `${from + index} ${"x".repeat(1_000)}`;
        return record(source, 0, id.slice(0, 8), { id });
      }),
    );
  await fill(0);
  let lowered: Promise<unknown> | undefined;
  await runUntil(client, flow, ({ records }) => {
    if (records === 200) {
      lowered ??= alter(client, target, { "max.message.bytes": "40000" }).then(() => fill(200));
    }
    return records >= 400;
  });
  await lowered;
  assertEquals((await readPartition(client, target)).length, 400);
});

/** A health whose first bad news is waited for. */
function watchedHealth() {
  const health = createHealth();
  const { promise: said, resolve: say } = Promise.withResolvers<string>();
  const watched = {
    ...health,
    down(...report: Parameters<typeof health.down>) {
      health.down(...report);
      say(report[1]);
    },
  };
  return { health, watched, said };
}

Deno.test("an output topic that is deleted while a flow runs is said, and waited for", async () => {
  const client = await testClient();
  const { flow, source, target } = await copying(client, {});
  await produce(client, [record(source, 0, "a", { id: "a" })]);
  const { health, watched, said } = watchedHealth();
  const check = `lane:${source}-0`;
  let going: Promise<unknown> | undefined;
  const renew = async () => {
    await withAdmin(client, (admin) => admin.deleteTopics({ topics: [target] }));
    await produce(client, [record(source, 0, "b", { id: "b" })]);
    const reason = await said;
    assertStringIncludes(reason, target);
    assertStringIncludes(reason, "does not exist any more");
    assertEquals(health.ready().checks.find(({ name }) => name === check)?.ok, false);
    await ensureTopics(client, [{ topic: target, partitions: 2, replicationFactor: 1 }]);
  };
  await runUntil(client, flow, ({ records }) => {
    if (records === 1) going ??= renew();
    return records >= 2;
  }, { health: watched });
  await going;
  assertEquals(health.ready().ready, true);
  const kept = await Promise.all([0, 1].map((at) => readPartition(client, target, at)));
  assertEquals(texts(kept.flat()), [`{"id":"b"}`]);
});

Deno.test("a dead-letter topic that is deleted while a flow runs holds back dead letters alone until it is back", async () => {
  const client = await testClient();
  const { flow, source, target } = await copying(client, {});
  await produce(client, [record(source, 0, "a", { id: "a" })]);
  const { health, watched, said } = watchedHealth();
  let going: Promise<unknown> | undefined;
  const { deadLetters } = flow;
  const renew = async () => {
    await withAdmin(client, (admin) => admin.deleteTopics({ topics: [deadLetters] }));
    await produce(client, [record(source, 0, "b", { id: "b" })]);
  };
  const poison = async () => {
    await produce(client, [record(source, 0, "c", "no JSON")]);
    assertStringIncludes(await said, deadLetters);
    await ensureTopics(client, [{ topic: deadLetters, partitions: 1, replicationFactor: 1 }]);
  };
  await runUntil(client, flow, ({ records }) => {
    if (records === 1) going ??= renew();
    if (records === 2) going = going?.then(poison);
    return records >= 3;
  }, { health: watched });
  await going;
  assertEquals(texts(await readPartition(client, target)), [`{"id":"a"}`, `{"id":"b"}`]);
  assertEquals(texts(await readPartition(client, deadLetters)), ["no JSON"]);
  assertEquals(health.ready().ready, true);
});
