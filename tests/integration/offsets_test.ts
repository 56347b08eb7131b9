/** Showing and setting a group's offsets on real Kafka. */
import type { Deed } from "../../src/app/audit/audit_log.ts";
import { NotConfirmedError } from "../../src/cli/ask_first.ts";
import { offsetsCommand } from "../../src/cli/offsets.ts";
import { fetcherDefaults } from "../../src/engine/kafka/fetcher_options.ts";
import { showOffsets, withCluster } from "../../src/engine/kafka/group_standing.ts";
import { runMembership } from "../../src/engine/kafka/membership.ts";
import {
  applyOffset,
  OffsetRefusedError,
  type OffsetTarget,
  planOffset,
} from "../../src/engine/kafka/offset_admin.ts";
import { fetchTopicId } from "../../src/engine/kafka/topic_id.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import type { Transactions } from "../../src/engine/core/ports.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { type DeadLetterTopics, deadLetterTopics } from "./dead_letters_setup.ts";

/** A topic with ten records in partition 1, and a group that has committed 4 there. */
async function standing() {
  const topics = await deadLetterTopics();
  const failures = Array.from({ length: 10 }, () => ({ key: "a", value: "1", partition: 1 }));
  await topics.fail(...failures);
  const groupId = `group-${crypto.randomUUID()}`;
  const transactions = createTransactions(topics.client, { transactionTimeoutMs: 60_000 });
  const id = `${groupId}/${topics.dlq}/1`;
  await commit(transactions, id, { groupId, topic: topics.dlq, offset: 4, metadata: "mine" });
  return { topics, groupId, transactions, id, target: targetOf(topics, groupId) };
}

function targetOf({ dlq }: DeadLetterTopics, groupId: string): OffsetTarget {
  return { groupId, topic: dlq, partition: 1, to: 7 };
}

function topicIdOf({ client, dlq }: DeadLetterTopics) {
  return withCluster(client, (cluster) => fetchTopicId(cluster, dlq));
}

async function commit(
  transactions: Transactions,
  id: string,
  { groupId, topic, offset, metadata }: {
    readonly groupId: string;
    readonly topic: string;
    readonly offset: number;
    readonly metadata?: string;
  },
): Promise<void> {
  await using transactor = await transactions.open(id);
  await transactor.commit({
    records: [],
    offsets: [{ groupId, topic, partition: 1, offset, metadata }],
  });
  await transactions.stableOffset(groupId, { topic, partition: 1 });
}

Deno.test("show tells committed offset, range, lag and metadata of each partition", async () => {
  const { topics, groupId, transactions } = await standing();
  await using _ = transactions;
  const { state, partitions } = await showOffsets(topics.client, groupId);
  assertEquals(state, "Empty");
  assertEquals(partitions, [
    {
      topic: topics.dlq,
      partition: 0,
      committed: -1,
      metadata: "",
      pending: false,
      log: { start: 0, stableEnd: 0, highWatermark: 0 },
      lag: 0,
    },
    {
      topic: topics.dlq,
      partition: 1,
      committed: 4,
      metadata: "mine",
      pending: false,
      log: { start: 0, stableEnd: 10, highWatermark: 10 },
      lag: 6,
    },
  ]);
});

Deno.test("set moves the offset, says of which topic it is and shuts out the holder of the lane", async () => {
  const { topics, groupId, transactions, id, target } = await standing();
  await using _ = transactions;
  await using zombie = await transactions.open(id);
  const change = await planOffset(topics.client, target);
  const metadata = `topic_id=${await topicIdOf(topics)}`;
  assertEquals([change.before.committed, change.after, change.metadataAfter], [4, 7, metadata]);
  await applyOffset(topics.client, transactions, change);
  await assertRejects(() =>
    zombie.commit({
      records: [],
      offsets: [{ groupId, topic: topics.dlq, partition: 1, offset: 5 }],
    })
  );
  const after = await transactions.stableOffset(groupId, target);
  assertEquals(after, { offset: 7, metadata });
});

Deno.test("set refuses offsets outside the log and partitions that are not there", async () => {
  const { topics, transactions, target } = await standing();
  await using _ = transactions;
  for (const wrong of [{ to: 11 }, { partition: 7 }]) {
    await assertRejects(
      () => planOffset(topics.client, { ...target, ...wrong }),
      OffsetRefusedError,
    );
  }
  assertEquals((await planOffset(topics.client, { ...target, to: "latest" })).after, 10);
  assertEquals((await planOffset(topics.client, { ...target, to: "earliest" })).after, 0);
});

Deno.test("set refuses while the group has a member", async () => {
  const { topics, groupId, transactions, target } = await standing();
  await using _ = transactions;
  const change = await planOffset(topics.client, target);
  const stop = new AbortController();
  const joined = Promise.withResolvers<void>();
  const member = runMembership(topics.client, {
    groupId,
    topics: [topics.dlq],
    sessionTimeoutMs: 10_000,
    bufferBytesMax: 1_000_000,
    fetch: fetcherDefaults,
    lane: ({ signal }) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    onAssigned: () => joined.resolve(),
  }, stop.signal);
  await joined.promise;
  const refused = await assertRejects(
    () => planOffset(topics.client, target),
    OffsetRefusedError,
  );
  assertStringIncludes(refused.message, "active member");
  await assertRejects(
    () => applyOffset(topics.client, transactions, change),
    OffsetRefusedError,
    "active member",
  );
  stop.abort();
  await member;
  await applyOffset(topics.client, transactions, await planOffset(topics.client, target));
});

Deno.test("set refuses while a transaction is open on the offset, and when it has moved", async () => {
  const { topics, groupId, transactions, id, target } = await standing();
  await using _ = transactions;
  const change = await planOffset(topics.client, target);
  const open = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const slow = createTransactions(topics.client, {
    transactionTimeoutMs: 60_000,
    async onStep(step) {
      if (step !== "before-end-txn") return;
      open.resolve();
      await goOn.promise;
    },
  });
  await using _slow = slow;
  const moving = commit(slow, id, { groupId, topic: topics.dlq, offset: 5 });
  await open.promise;
  await assertRejects(
    () => planOffset(topics.client, target),
    OffsetRefusedError,
    "transaction is open",
  );
  goOn.resolve();
  await moving;
  await assertRejects(
    () => applyOffset(topics.client, transactions, change),
    OffsetRefusedError,
    "moved from 4 to 5",
  );
});

Deno.test("the command shows what it would set, and sets it only when it may", async () => {
  const { topics, groupId, transactions, target } = await standing();
  await using _ = transactions;
  const deeds: unknown[] = [];
  const access = {
    ...{ client: topics.client, transactions, groups: [groupId], flowGroup: groupId },
    relay: { groupId: "relay", cursorTopic: "cursor" },
    relayMetadata: () => Promise.resolve(undefined),
    projectorGroup: "onceflow.projector",
    writeRelayCheckpoint: () => Promise.resolve(),
    audit: <T>({ target, detail }: Deed, act: () => Promise<T>) => {
      deeds.push([target, detail]);
      return act();
    },
  };
  const run = (...words: string[]) =>
    offsetsCommand({
      withOffsets: (act) => act(access, new AbortController().signal),
      confirm: () => false,
    }).parseAsync(["set", "--topic", target.topic, ...words], { from: "user" });
  const set = (...flags: string[]) => run("--partition", "1", "--to", "7", ...flags);
  const committed = async () => (await transactions.stableOffset(groupId, target)).offset;
  await set("--dry-run");
  assertEquals(await committed(), 4);
  await assertRejects(() => set(), NotConfirmedError, "not confirmed");
  assertEquals(await committed(), 4);
  assertEquals(deeds, [], "what was not done is not noted");
  await set("--yes");
  assertEquals(await committed(), 7);
  assertEquals(deeds, [[`${groupId} at ${target.topic}-1`, { before: 4, after: 7 }]]);

  // Of several none is set where one may not be, and each that is set is noted by itself.
  deeds.length = 0;
  await assertRejects(() => run("--to", "0", "--yes"), OffsetRefusedError, "--all-partitions");
  await assertRejects(() => run("--partition", "1,99", "--to", "0", "--yes"), OffsetRefusedError);
  assertEquals([await committed(), deeds], [7, []]);
  await run("--all-partitions", "--to", "earliest", "--yes");
  assertEquals(await committed(), 0);
  const { partitions } = await showOffsets(topics.client, groupId, [target.topic]);
  assertEquals(partitions.filter(({ committed }) => committed === 0).length, partitions.length);
  assertEquals(deeds.length, partitions.length);
});
