/** The transactor and the stable offset against a real broker: rows 1 to 16 of the defects of kafkajs. */
import { TransactionError } from "../../src/engine/core/ports.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { watchTransactions } from "../../src/engine/kafka/watch_transactions.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { inTime } from "../support/in_time.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { fetchTransactionVersion } from "../../src/engine/kafka/transaction_version.ts";
import { openTransactor } from "../../src/engine/kafka/transactor.ts";
import { fencingCases } from "./group_fencing_cases.ts";
import { startProtocol1 } from "../support/protocol_1.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { settleTransaction } from "../../src/engine/kafka/settle_transaction.ts";
import type { VendorCluster } from "../../src/engine/kafka/vendor.ts";
import { fetchStableOffset } from "../../src/engine/kafka/stable_offset.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import {
  freshTopics,
  produce,
  readPartition,
  record,
  testClient,
  texts,
  uniqueName,
} from "../support/kafka.ts";

type Client = Awaited<ReturnType<typeof testClient>>;

const options = { transactionTimeoutMs: 20_000 };

/** Against a cluster of either protocol. */
const cases: readonly (readonly [name: string, run: (client: Client) => Promise<void>])[] = [
  ["a transaction's records and offset become visible together", async (client) => {
    const [input = "", output = ""] = await freshTopics(client, 1, "in", "out");
    await using transactions = createTransactions(client, options);
    await using transactor = await transactions.open(uniqueName("tx"));
    const groupId = uniqueName("group");
    const at = { topic: input, partition: 0 };
    await transactor.commit({
      records: [record(output, 0, "k", "one")],
      offsets: [{ groupId, ...at, offset: 41, metadata: "a note" }],
    });
    assertEquals(texts(await readPartition(client, output)), ["one"]);
    assertEquals(await transactions.stableOffset(groupId, at), { offset: 41, metadata: "a note" });
  }],

  [
    "the offsets go before the records, also of a transaction right behind another",
    async (client) => {
      const [input = "", output = ""] = await freshTopics(client, 1, "in", "out");
      const groupId = uniqueName("group");
      const steps: string[] = [];
      const onStep = (step: string) => void steps.push(step);
      await using transactor = await openTransactor(client, uniqueName("tx"), {
        ...options,
        onStep,
      });
      for (const offset of [1, 2, 3]) {
        await transactor.commit({
          records: [record(output, 0, "k", String(offset))],
          offsets: [{ groupId, topic: input, partition: 0, offset }],
        });
      }
      const order = ["before-offsets", "before-send", "before-end-txn", "after-commit"];
      assertEquals(steps, ["after-init-producer-id", ...order, ...order, ...order]);
      assertEquals(texts(await readPartition(client, output)), ["1", "2", "3"]);
    },
  ],

  [
    "row 1: aborted records of overlapping transactions are not read, whatever their keys",
    async (client) => {
      const [topic = ""] = await freshTopics(client, 1, "aborted");
      // Each is left open and then fenced, so the abort markers come in another order than the first offsets.
      const ids = ["a", "b"].map((name) => uniqueName(`tx-${name}`));
      for (const id of ids) {
        await leaveOpen(client, id, [
          record(topic, 0, "k", `aborted by ${id}`),
        ]);
      }
      await using committed = await openTransactor(client, uniqueName("tx-c"), options);
      await committed.commit({ records: [record(topic, 0, "k", "committed")], offsets: [] });
      for (const id of ids.toReversed()) {
        await using fence = await openTransactor(client, id, options);
        await fence.commit({ records: [], offsets: [] });
      }
      const zeroKey = { ...record(topic, 0, "", "aborted, zero key"), key: new Uint8Array(4) };
      const zero = uniqueName("tx-zero");
      await leaveOpen(client, zero, [zeroKey, record(topic, 0, "k", "aborted after it")]);
      await using fence = await openTransactor(client, zero, options);
      await fence.commit({ records: [record(topic, 0, "k", "committed last")], offsets: [] });
      assertEquals(texts(await readPartition(client, topic)), ["committed", "committed last"]);
    },
  ],

  ["rows 4 and 22: after a failure a transactor refuses to be used again", async (client) => {
    const [topic = ""] = await freshTopics(client, 1, "poison");
    const id = uniqueName("tx");
    await using first = await openTransactor(client, id, options);
    await using _second = await openTransactor(client, id, options);
    const write = { records: [record(topic, 0, "k", "late")], offsets: [] };
    await assertRejects(() => first.commit(write), TransactionError);
    const again = await assertRejects(() => first.commit(write), TransactionError);
    assertStringIncludes(again.message, "used after a failure");
  }],

  ["row 8: opening a transactional id shuts out its former owner", async (client) => {
    const [topic = ""] = await freshTopics(client, 1, "fence");
    const id = uniqueName("tx");
    await using zombie = await openTransactor(client, id, options);
    await zombie.commit({ records: [record(topic, 0, "k", "before")], offsets: [] });
    await using owner = await openTransactor(client, id, options);
    const refusal = await assertRejects(
      () => zombie.commit({ records: [record(topic, 0, "k", "zombie")], offsets: [] }),
      TransactionError,
    );
    assertEquals(refusal.verdict, "migrated");
    await owner.commit({ records: [record(topic, 0, "k", "after")], offsets: [] });
    assertEquals(texts(await readPartition(client, topic)), ["before", "after"]);
  }],

  [
    "rows 2 and 9: a pending offset is waited for, and one that was aborted never counts",
    async (client) => {
      const [input = "", output = ""] = await freshTopics(client, 1, "in", "out");
      const groupId = uniqueName("group");
      const at = { topic: input, partition: 0 };
      const id = uniqueName("tx");
      await using transactions = createTransactions(client, options);
      {
        await using transactor = await transactions.open(id);
        await transactor.commit({ records: [], offsets: [{ groupId, ...at, offset: 5 }] });
      }
      await leaveOpen(client, id, [record(output, 0, "k", "x")], { groupId, ...at, offset: 9 });
      const cluster = client.cluster();
      try {
        const impatient = AbortSignal.timeout(700);
        await assertRejects(
          () => fetchStableOffset(cluster, groupId, at, impatient),
          DOMException,
        );
        await using _fence = await transactions.open(id);
        assertEquals((await fetchStableOffset(cluster, groupId, at)).offset, 5);
      } finally {
        await cluster.disconnect();
      }
    },
  ],

  [
    "one that begins while it is looked for what is left open is shut out, and not taken for forgotten",
    async (client) => {
      const [topic = ""] = await freshTopics(client, 1, "late");
      const id = uniqueName("tx");
      const sent = Promise.withResolvers<void>();
      const settled = Promise.withResolvers<void>();
      let isLate = false;
      await using old = await openTransactor(client, id, {
        ...options,
        async onStep(step) {
          if (step !== "before-end-txn" || !isLate) return;
          sent.resolve();
          await settled.promise;
        },
      });
      await old.commit({ records: [record(topic, 0, "k", "before")], offsets: [] });
      isLate = true;
      let late: Promise<unknown> | undefined;
      await withCluster(client, async (cluster) => {
        const between = beforeAskingLeaders(cluster, async () => {
          late ??= assertRejects(
            () => old.commit({ records: [record(topic, 0, "k", "late")], offsets: [] }),
            TransactionError,
          );
          await sent.promise;
        });
        await settleTransaction(between, id, { writesTo: [topic] });
      });
      settled.resolve();
      await late;
      await using next = await openTransactor(client, id, options);
      await next.commit({ records: [record(topic, 0, "k", "after")], offsets: [] });
      assertEquals(texts(await readPartition(client, topic)), ["before", "after"]);
    },
  ],

  [
    "whoever holds a partition's readers back is named once, and no longer than that lasts",
    async (client) => {
      const [topic = ""] = await freshTopics(client, 1, "held");
      const id = uniqueName("tx");
      await leaveOpen(client, id, [record(topic, 0, "k", "open")]);
      const health = createHealth();
      const stop = new AbortController();
      const lines: string[] = [];
      configureLogging({ level: "warning", write: (line) => void lines.push(line) });
      const soon = { intervalMs: 20, graceMs: 0, heldMsMax: 500 };
      const watching = watchTransactions(client, { topics: [topic], health, ...soon }, stop.signal);
      const said = () => health.ready().checks.find(({ name }) => name === `lane:${topic}-0`);
      const until = async (what: string, ok: boolean) => {
        const looking = async () => {
          while (said()?.ok !== ok) await delay(20);
        };
        await inTime(looking(), what);
      };
      await until("it is said", false);
      assertStringIncludes(said()?.detail ?? "", `${topic}-0 waits for a transaction of ${id}`);
      await delay(300);
      await (await openTransactor(client, id, options))[Symbol.asyncDispose]();
      await until("nobody waits any more", true);
      stop.abort();
      await watching;
      assertEquals(lines.filter((line) => line.includes(id)).length, 1, lines.join(""));
    },
  ],

  [
    "row 12: a transactor asks to be renewed before its sequence numbers run out",
    async (client) => {
      const [topic = ""] = await freshTopics(client, 1, "renewed");
      const id = uniqueName("tx");
      const write = {
        records: ["a", "b"].map((value) => record(topic, 0, "k", value)),
        offsets: [],
      };
      const bounded = { ...options, recordsPerProducerMax: 3 };
      {
        await using first = await openTransactor(client, id, bounded);
        await first.commit(write);
        const due = await assertRejects(() => first.commit(write), TransactionError, "renewal");
        assertEquals(due.verdict, "unknown"); // the lane opens a new one and finds nothing of it committed
      }
      await using next = await openTransactor(client, id, bounded);
      await next.commit(write);
      assertEquals(texts(await readPartition(client, topic)), ["a", "b", "a", "b"]);
    },
  ],

  ["rows 13 and 14: transactions follow each other without a refusal", async (client) => {
    const [topic = ""] = await freshTopics(client, 1, "rapid");
    const groupId = uniqueName("group");
    await using transactor = await openTransactor(client, uniqueName("tx"), options);
    const rounds = 60;
    for (let round = 1; round <= rounds; round++) {
      await transactor.commit({
        // Every other one begins with its offset: that request is refused, too, while the last markers are being written.
        records: round % 2 === 0 ? [] : [record(topic, 0, "k", String(round))],
        offsets: [{ groupId, topic, partition: 0, offset: round }],
      });
    }
    assertEquals((await readPartition(client, topic)).length, rounds / 2);
  }],

  [
    "row 16: a transaction of several megabytes is sent in batches that the broker takes",
    async (client) => {
      const [topic = ""] = await freshTopics(client, 2, "large");
      await using transactor = await openTransactor(client, uniqueName("tx"), options);
      const value = "x".repeat(100_000);
      const records = Array.from({ length: 60 }, (_, i) => record(topic, i % 2, `k${i}`, value));
      await transactor.commit({ records, offsets: [] });
      for (const partition of [0, 1]) {
        const keys = (await readPartition(client, topic, partition))
          .map(({ key }) => new TextDecoder().decode(key ?? undefined));
        assertEquals(keys, Array.from({ length: 30 }, (_, i) => `k${2 * i + partition}`));
      }
    },
  ],

  ["a record over the broker's limit is a definite refusal", async (client) => {
    const [topic = ""] = await freshTopics(client, 1, "huge");
    await using transactor = await openTransactor(client, uniqueName("tx"), options);
    const huge = record(topic, 0, "k", "x".repeat(1_200_000));
    const refusal = await assertRejects(
      () => transactor.commit({ records: [huge], offsets: [] }),
      TransactionError,
    );
    assertEquals(refusal.verdict, "rejected");
  }],

  [
    "records written outside of transactions are read with their keys, headers and times",
    async (client) => {
      const [topic = ""] = await freshTopics(client, 1, "plain");
      const headers = [["a", Uint8Array.of(1)], ["a", null]] as const;
      await produce(client, [{
        ...record(topic, 0, null, "v"),
        headers,
        timestamp: 1_700_000_000_000,
      }]);
      const [read] = await readPartition(client, topic);
      assert(read);
      assertEquals(
        { key: read.key, timestamp: read.timestamp, headers: read.headers.map(([name]) => name) },
        { key: null, timestamp: 1_700_000_000_000, headers: ["a", "a"] },
      );
      assertEquals(read.headers[1]?.[1], null);
    },
  ],
];

for (const [name, run] of cases) Deno.test(name, async () => await run(await testClient()));

Deno.test("the cluster of these tests has transaction protocol 2", async () => {
  assertEquals(await transactionVersionOf(await testClient()), 2);
});

Deno.test("where the cluster has not agreed on protocol 2, all of it holds under protocol 1", async (t) => {
  await using started = await startProtocol1();
  const { cluster, client } = started;
  const seen = new Set<string>();
  cluster.interceptors.add(({ api }) => {
    if (api) seen.add(api);
    return undefined;
  });
  assertEquals(await transactionVersionOf(client), 0);
  for (const [name, run] of [...cases, ...fencingCases]) await t.step(name, () => run(client));
  assert(seen.has("addPartitionsToTxn") && seen.has("addOffsetsToTxn"));
});

/** The cluster, of which the leaders are asked what is open only when `act` has been awaited. */
function beforeAskingLeaders(cluster: VendorCluster, act: () => Promise<void>): VendorCluster {
  return new Proxy(cluster, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== "findBroker") return typeof value === "function" ? value.bind(target) : value;
      return async (...given: Parameters<VendorCluster["findBroker"]>) => {
        await act();
        return await target.findBroker(...given);
      };
    },
  });
}

function transactionVersionOf(client: Client): Promise<number> {
  const coordinator = { groupId: uniqueName("tx"), coordinatorType: 1 };
  return withCluster(
    client,
    async (cluster) => fetchTransactionVersion(await cluster.findGroupCoordinator(coordinator)),
  );
}

type Offset = { groupId: string; topic: string; partition: number; offset: number };

/** Sends in a transaction and vanishes before EndTxn, as a killed process would. */
async function leaveOpen(
  client: Client,
  transactionalId: string,
  records: ReturnType<typeof record>[],
  offset?: Offset,
): Promise<void> {
  await using transactor = await openTransactor(client, transactionalId, {
    ...options,
    onStep: (step) => {
      if (step === "before-end-txn") throw new Error("vanished before EndTxn");
    },
  });
  await assertRejects(
    () => transactor.commit({ records, offsets: offset ? [offset] : [] }),
    TransactionError,
  );
}
