/** Members of a group: partitions move without loss, and two that both think they own one do not fence for ever. */
import { AssignerProtocol, Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { exactlyOnce } from "../../src/engine/core/delivery.ts";
import { runLane } from "../../src/engine/core/lane.ts";
import type { Assignment } from "../../src/engine/core/ports.ts";
import { Assigner } from "../../src/engine/kafka/assigner.ts";
import { describeGroup } from "../../src/engine/kafka/describe_group.ts";
import { describeTopics } from "../../src/engine/kafka/describe_topics.ts";
import { fetcherDefaults } from "../../src/engine/kafka/fetcher_options.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { runMembership } from "../../src/engine/kafka/membership.ts";
import { openPartitionReader } from "../../src/engine/kafka/open_partition_reader.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { brokerClass } from "../../src/engine/kafka/vendor.ts";
import { defineFlow, HaltError, topic } from "../../src/engine/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { loneCommitter } from "../support/lone_committer.ts";
import { inTime } from "../support/in_time.ts";
import { runUntil } from "../support/run_until.ts";

const read = z.object({ id: z.string() });

function echo(source: string, outTopic: string) {
  const out = topic(outTopic, { read, key: ({ id }) => id });
  return defineFlow({
    name: `echo-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    transform: (event) => out.event(event),
  });
}

async function memberCount(client: KafkaClient, groupId: string): Promise<number> {
  const { members } = await withCluster(client, (cluster) => describeGroup(cluster, groupId));
  return members.length;
}

Deno.test("row 18: a lane that lost its partition does not fence the new owner back", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "moved", "out");
  const flow = echo(source, outTopic);
  let opened = 0;
  const bothOpened = Promise.withResolvers<void>();
  await using transactions = createTransactions(client, {
    transactionTimeoutMs: 20_000,
    onStep(step) {
      if (step === "after-init-producer-id" && ++opened === 2) bothOpened.resolve();
    },
  });
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
  const at = { topic: source, partition: 0 };
  await using zombieReader = await openPartitionReader(client, at, 0);
  await using ownerReader = await openPartitionReader(client, at, 0);
  let committed = Promise.withResolvers<void>();
  let seen = 0;
  const lane = async (reader: Assignment["reader"], owned: boolean) => {
    await using committer = loneCommitter(transactions, { groupId: flow.groupId, ...at });
    const assignment: Assignment = {
      groupId: flow.groupId,
      reader,
      signal,
      stillOwned: () => Promise.resolve(owned),
      commitOffset: () => Promise.reject(new Error("not under exactly-once")),
      committedOffset: () => Promise.reject(new Error("not under exactly-once")),
    };
    await runLane(
      flow,
      assignment,
      exactlyOnce(committer),
      { partitionCount: () => 1, recordBytesMax: 900_000, planMsMax: 5_000 },
      { recordsMax: 10, bytesMax: 1 << 20, dependencyBackoffMsMax: 100 },
      {
        committed({ records }) {
          seen += records;
          committed.resolve();
        },
      },
    );
  };
  const send = (id: string) => produce(client, [record(source, 0, id, { id })]);

  const zombie = lane(zombieReader, false);
  await send("a");
  await committed.promise;
  committed = Promise.withResolvers();
  const owner = lane(ownerReader, true);
  await bothOpened.promise; // from here on the zombie is fenced, whoever reads "b" first
  await send("b");
  await committed.promise;
  await send("c");
  await zombie; // it was refused, asked who owns the partition, and ended
  assertEquals(signal.aborted, false, "the zombie went on");
  while (seen < 3) {
    committed = Promise.withResolvers();
    if (seen < 3) await committed.promise;
  }
  stop.abort();
  await owner;
  const ids = jsons(await readPartition(client, outTopic)).map(({ id }) => id);
  assertEquals(ids, ["a", "b", "c"]);
  assertEquals(opened <= 4, true, `${opened} sessions were opened for two lanes`);
});

Deno.test("row 18: a member whose handler outlasts its session stays in the group", async () => {
  const client = await testClient();
  const sessionTimeoutMs = 4_000;
  // A machine that stands still may cost a member its session once; a member that does not beat loses every one.
  for (let attempt = 1, stayed = false; !stayed; attempt++) {
    const [source = "", outTopic = ""] = await freshTopics(client, 1, "slow", "out");
    const out = topic(outTopic, { read, key: ({ id }) => id });
    const flow = defineFlow({
      name: source,
      from: topic(source, { read, key: ({ id }) => id }),
      to: [out],
      async transform(event) {
        await delay(2 * sessionTimeoutMs);
        stayed = await memberCount(client, `onceflow.${source}`) === 1;
        return out.event(event);
      },
    });
    await produce(client, [record(source, 0, "a", { id: "a" })]);
    await runUntil(client, flow, ({ records }) => records === 1, { sessionTimeoutMs });
    assertEquals(stayed || attempt < 3, true, "its session ran out each time");
  }
});

Deno.test("partitions that move between members are processed once each", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 2, "shared", "out");
  const flow = echo(source, outTopic);
  const owners = new Map<string, number>();
  const done = Promise.withResolvers<void>();
  let seen = 0;
  const count = 60;
  const member = (name: string, signal: AbortSignal, onShare: () => void) =>
    runFlow(client, flow, signal, {
      sessionTimeoutMs: 6_000,
      onAssigned(partitions) {
        owners.set(name, partitions.length);
        onShare();
      },
      observer: { committed: ({ records }) => (seen += records) >= count && done.resolve() },
    });
  const send = async (from: number) => {
    for (let i = from; i < from + count / 3; i++) {
      await produce(client, [record(source, i % 2, `k${i}`, { id: `k${i}` })]);
    }
  };

  const [first, second] = [new AbortController(), new AbortController()];
  const joined = Promise.withResolvers<void>();
  const running = [member("first", first.signal, () => joined.resolve())];
  await inTime(joined.promise, "the first member has joined");
  await send(0);
  const shared = Promise.withResolvers<void>();
  running.push(
    member("second", second.signal, () => owners.get("second") === 1 && shared.resolve()),
  );
  await inTime(shared.promise, "the second member has its share");
  await send(count / 3);
  first.abort();
  await send(2 * count / 3);
  await inTime(done.promise, "all is processed");
  second.abort();
  await Promise.all(running);

  const ids = [
    ...jsons(await readPartition(client, outTopic, 0)),
    ...jsons(await readPartition(client, outTopic, 1)),
  ].map(({ id }) => id);
  assertEquals(ids.length, count);
  assertEquals(new Set(ids).size, count);
});

/** A flow whose transform waits for `release` and ignores its signal. */
function deaf(source: string, outTopic: string, release: Promise<void>, onBusy: () => void) {
  const out = topic(outTopic, { read, key: ({ id }) => id });
  return defineFlow({
    name: `deaf-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    async transform(event) {
      onBusy();
      await release;
      return out.event(event);
    },
  });
}

/** The members' ids, sorted: a member that was thrown out and came back has another. */
async function memberIds(client: KafkaClient, groupId: string): Promise<string[]> {
  const { members } = await withCluster(client, (cluster) => describeGroup(cluster, groupId));
  return members.map(({ memberId }) => memberId).sort();
}

Deno.test({
  name: "a transform that ignores its signal costs no member its session, and no leave",
  // Lanes that were left to themselves end after the test.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 2, "deaf", "out");
  const release = Promise.withResolvers<void>();
  const bothBusy = Promise.withResolvers<void>();
  let busy = 0;
  const flow = deaf(source, outTopic, release.promise, () => ++busy === 2 && bothBusy.resolve());
  const sessionTimeoutMs = 2_500;
  const options = { sessionTimeoutMs };
  await produce(client, [0, 1].map((n) => record(source, n, `k${n}`, { id: `k${n}` })));

  const [first, second] = [new AbortController(), new AbortController()];
  const running = runFlow(client, flow, first.signal, options);
  await inTime(bothBusy.promise, "both lanes are busy");
  const shared = Promise.withResolvers<void>();
  const other = runFlow(client, flow, second.signal, {
    ...options,
    onAssigned: (partitions) => partitions.length === 1 && shared.resolve(),
  });
  await inTime(shared.promise, "the second member has its share");
  const before = await memberIds(client, flow.groupId);
  await delay(2 * sessionTimeoutMs);
  assertEquals(await memberIds(client, flow.groupId), before, "nobody was thrown out");

  const stoppedAt = performance.now();
  first.abort();
  second.abort();
  await Promise.all([running, other]);
  const tookMs = performance.now() - stoppedAt;
  assertEquals(tookMs < 5_000, true, `stopping took ${tookMs} ms`);
  assertEquals(await memberIds(client, flow.groupId), [], "they have left");

  release.resolve();
});

Deno.test("a clock that is stepped back costs no member its session", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "clock", "out");
  const sessionTimeoutMs = 1_500;
  const stop = new AbortController();
  const joined = Promise.withResolvers<void>();
  const flow = echo(source, outTopic);
  const running = runFlow(client, flow, stop.signal, {
    sessionTimeoutMs,
    onAssigned: () => joined.resolve(),
  });
  await inTime(joined.promise, "the member has joined");
  const before = await memberIds(client, flow.groupId);
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
  try {
    await delay(2.5 * sessionTimeoutMs);
    assertEquals(await memberIds(client, flow.groupId), before);
  } finally {
    Date.now = now;
    stop.abort();
    await running;
  }
});

Deno.test("what the cluster refuses for good halts the member, and says what to do", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "refused", "out");
  const error = await assertRejects(
    () =>
      runFlow(client, echo(source, outTopic), AbortSignal.timeout(30_000), { sessionTimeoutMs: 5 }),
    HaltError,
    "SESSION_TIMEOUT_MS",
  );
  assertEquals(error.message.includes(`onceflow.echo-${source}`), true);
});

Deno.test("a member that has missed a generation begins anew with what it still has", async () => {
  const client = await testClient();
  const [source = ""] = await freshTopics(client, 3, "missed");
  const groupId = `onceflow.${source}`;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
  const started: string[] = [];
  const generations: number[] = [];
  const member = (name: string, assigned: () => void) =>
    runMembership(client, {
      ...{ groupId, topics: [source], sessionTimeoutMs: 10_000, bufferBytesMax: 1_000_000 },
      fetch: fetcherDefaults,
      onAssigned: assigned,
      committer: {
        pause: () => Promise.resolve(true),
        resume: ({ generationId }) => name === "first" && void generations.push(generationId),
      },
      async lane({ reader, signal: lost }) {
        started.push(`${name} ${reader.partition}`);
        await new Promise((ended) => lost.addEventListener("abort", ended, { once: true }));
      },
    }, signal);
  // Between the answer to JoinGroup and SyncGroup, everybody waits until somebody else wants to join.
  const broker = brokerClass().prototype as unknown as {
    syncGroup(request: unknown): Promise<unknown>;
  };
  const { syncGroup } = broker;
  const [joined, shared, inTwo] = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const others: Promise<void>[] = [];
  try {
    let heldUp: Promise<void> | undefined;
    const first = member("first", () => generations.length === 1 && joined?.resolve());
    await inTime(joined?.promise ?? first, "the first member has joined");
    broker.syncGroup = async function (request) {
      heldUp ??= (async () => {
        inTwo?.resolve();
        others.push(member("third", () => shared?.resolve()));
        const state = () => withCluster(client, (cluster) => describeGroup(cluster, groupId));
        while ((await state()).state !== "PreparingRebalance") await delay(20);
      })();
      await heldUp;
      return await syncGroup.call(this, request);
    };
    others.push(member("second", () => {}));
    await inTime(inTwo?.promise ?? first, "a second generation is there");
    await inTime(shared?.promise ?? first, "the third one is");
    while (generations.length < 2 || started.length < 6) {
      signal.throwIfAborted();
      await delay(20);
    }
    assertEquals(generations, [1, 3]);
    const own = started.filter((lane) => lane.startsWith("first"));
    assertEquals(own.length, 4, "three lanes, and the one of them that it still has once more");
    stop.abort();
    await Promise.all([first, ...others]);
  } finally {
    broker.syncGroup = syncGroup;
    stop.abort();
  }
});

Deno.test("a topic that a broker does not know, as one that has just started, takes no partition away", async () => {
  const client = await testClient();
  const [name = ""] = await freshTopics(client, 3, "unheard");
  await withCluster(client, async (cluster) => {
    const all = [0, 1, 2].map((partition) => ({ topic: name, partition }));
    const assigner = (generation: number, partitions: typeof all) =>
      new Assigner(cluster, () => ({ generation, partitions }));
    const leader = assigner(1, all);
    const { metadata: memberMetadata } = leader.protocol({ topics: [name] });
    const given = async (by: Assigner) => {
      const [one] = await by.assign({ members: [{ memberId: "m", memberMetadata }] });
      const told = one && AssignerProtocol.MemberAssignment.decode(one.memberAssignment);
      return told?.assignment[name];
    };
    assertEquals(await given(leader), [0, 1, 2]);
    const admin = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
      .admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [name] });
    await admin.disconnect();
    const isKnown = async () => (await describeTopics(cluster, [name]))[0]?.errorCode === 0;
    while (await isKnown()) await delay(20);
    assertEquals(await given(leader), [0, 1, 2], "who has led goes by what it has assigned");
    assertEquals(await leader.isOutdated(), false, "and asks for no rebalance");
    assertEquals(await given(assigner(-1, [])), [0, 1, 2], "a new leader by what members have");
  });
});
