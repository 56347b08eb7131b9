/** Who is in a group: members that read other topics, and consumers that are none of ours. */
import { Kafka, logLevel } from "kafkajs";
import { createHealth, type Health } from "../../src/engine/core/health.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { formatPartition } from "../../src/engine/core/record.ts";
import { fetcherDefaults } from "../../src/engine/kafka/fetcher_options.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { WireReader } from "../../src/engine/kafka/codec/wire_reader.ts";
import { describeGroup } from "../../src/engine/kafka/describe_group.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { flexibleProtocol } from "../../src/engine/kafka/raw_protocol.ts";
import type { VendorCluster } from "../../src/engine/kafka/vendor.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { runMembership } from "../../src/engine/kafka/membership.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { freshTopics, testClient, uniqueName } from "../support/kafka.ts";

/** A member without work, that tells what it was given. */
function join(
  client: KafkaClient,
  { groupId, topics, health, foreignMsMax, signal }: {
    readonly groupId: string;
    readonly topics: readonly string[];
    readonly health?: Health;
    readonly foreignMsMax?: number;
    readonly signal: AbortSignal;
  },
) {
  let owned: string[] = [];
  let changed = Promise.withResolvers<void>();
  const running = runMembership(client, {
    ...{ groupId, topics, health, foreignMsMax },
    sessionTimeoutMs: 6_000,
    bufferBytesMax: 1_000_000,
    fetch: fetcherDefaults,
    lane: ({ signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    onAssigned(partitions) {
      owned = partitions.map(formatPartition).sort();
      changed.resolve();
      changed = Promise.withResolvers();
    },
  }, signal);
  return {
    running,
    async until(count: number) {
      while (owned.length !== count) await inTime(changed.promise, `${count} partitions are owned`);
      return owned;
    },
  };
}

Deno.test("two members of one group that read different topics work on their own, and new partitions are found", async () => {
  const client = await testClient();
  const [one = "", other = ""] = await freshTopics(client, 2, "one", "other");
  const groupId = uniqueName("group");
  const stop = new AbortController();
  const { signal } = stop;
  const first = join(client, { groupId, topics: [one], signal });
  assertEquals(await first.until(2), [`${one}-0`, `${one}-1`]);
  const second = join(client, { groupId, topics: [other], signal });
  assertEquals(await second.until(2), [`${other}-0`, `${other}-1`]);
  assertEquals(await first.until(2), [`${one}-0`, `${one}-1`]);
  const admin = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
    .admin();
  await admin.connect();
  // The leader of the group reads the other topic.
  await admin.createPartitions({ topicPartitions: [{ topic: other, count: 3 }] });
  await admin.disconnect();
  assertEquals((await second.until(3)).length, 3);
  stop.abort();
  await Promise.all([first.running, second.running]);
});

Deno.test("a consumer of another kind in the group is said, and halts what has waited for it in vain", async () => {
  const client = await testClient();
  const [topic = ""] = await freshTopics(client, 1, "shared");
  await ensureTopics(client, [{ topic, partitions: 1, replicationFactor: 1 }]);
  const groupId = uniqueName("group");
  const foreign = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
    .consumer({ groupId });
  await foreign.connect();
  await foreign.subscribe({ topic });
  const joined = Promise.withResolvers<void>();
  foreign.on("consumer.group_join", () => joined.resolve());
  await foreign.run({ eachMessage: () => Promise.resolve() });
  await inTime(joined.promise, "the other consumer has joined");
  const health = createHealth();
  const { signal } = new AbortController();
  const { running } = join(client, {
    groupId,
    topics: [topic],
    health,
    foreignMsMax: 1_500,
    signal,
  });
  let seen = "";
  const look = setInterval(() => {
    const check = health.ready().checks.find(({ name }) => name === `group:${groupId}`);
    if (check && !check.ok) seen = check.detail;
  }, 50);
  const halted = await assertRejects(() => running, HaltError);
  clearInterval(look);
  assertStringIncludes(seen, "another consumer, which is not this version of onceflow");
  assertStringIncludes(halted.message, `kafka-consumer-groups.sh --describe --members --group`);
  // Followed: the other consumer is stopped.
  await foreign.disconnect();
  const stop = new AbortController();
  const again = join(client, { groupId, topics: [topic], signal: stop.signal });
  assertEquals(await again.until(1), [`${topic}-0`]);
  stop.abort();
  await again.running;
});

Deno.test("a member with the newer protocol of consumers is said, seen by what asks for members, and halts what has shared the group for too long", async () => {
  const client = await testClient();
  const [topic = ""] = await freshTopics(client, 2, "shared");
  const groupId = uniqueName("group");
  const health = createHealth();
  const stop = new AbortController();
  const first = join(client, { groupId, topics: [topic], health, signal: stop.signal });
  assertEquals((await first.until(2)).length, 2);
  await withCluster(client, async (cluster) => {
    const leave = await joinNewer(cluster, groupId, topic);
    assertEquals((await first.until(1)).length, 1);
    const { detail = "" } = health.ready().checks.find(({ ok }) => !ok) ?? {};
    assertStringIncludes(detail, "another consumer, which is not this version of onceflow");
    await leave();
    assertEquals((await first.until(2)).length, 2);
    while (!health.ready().ready) await delay(20, AbortSignal.timeout(60_000));
    stop.abort();
    await first.running;

    const leaveAgain = await joinNewer(cluster, groupId, topic);
    const { members } = await describeGroup(cluster, groupId);
    assertEquals(members.length, 1);
    const { signal } = new AbortController();
    const second = join(client, { groupId, topics: [topic], foreignMsMax: 1_000, signal });
    const halted = await assertRejects(() => second.running, HaltError);
    assertStringIncludes(halted.message, "kafka-consumer-groups.sh --describe --members --group");
    await leaveAgain();
  });
});

/** Joins by ConsumerGroupHeartbeat version 0 (KIP-848); the result leaves. */
async function joinNewer(cluster: VendorCluster, groupId: string, topic: string) {
  const coordinator = await cluster.findGroupCoordinator({ groupId });
  const call = { apiKey: 68, apiVersion: 0, apiName: "ConsumerGroupHeartbeat" };
  const beat = (memberId: string, epoch: number) =>
    flexibleProtocol(
      call,
      (body) =>
        body.string(groupId).string(memberId).int32(epoch).string(null).string(null)
          .int32(10_000).array([topic], (name) => body.string(name)).string(null).arrayLength(0),
      (bytes) => {
        const reader = new WireReader(bytes);
        reader.tags();
        reader.int32(); // throttle time
        assertEquals([reader.int16(), reader.string()], [0, null]);
        return reader.text();
      },
    );
  const memberId = await coordinator.connectionPool.send(beat("", 0));
  return () => coordinator.connectionPool.send(beat(memberId, -1));
}
