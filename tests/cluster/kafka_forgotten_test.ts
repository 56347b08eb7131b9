/** A Kafka that forgets to end transactions (4.3.1): they are ended as they ended elsewhere, and never by a guess. */
import { NotConfirmedError } from "../../src/cli/ask_first.ts";
import { FindingError } from "../../src/cli/exit_codes.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import {
  type AtomicWrite,
  TransactionError,
  type Transactions,
  type Transactor,
} from "../../src/engine/core/ports.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import {
  applyEnd,
  EndRefusedError,
  planEnd,
  showTransactions,
} from "../../src/engine/kafka/end_by_decision.ts";
import { forgetfulLine } from "../../src/engine/kafka/forgetful_line.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { readLogRange } from "../../src/engine/kafka/log_range.ts";
import { findOpen } from "../../src/engine/kafka/open_transactions.ts";
import type { SettleOptions, TransactionNews } from "../../src/engine/kafka/settle_transaction.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { openTransactor, type TransactorOptions } from "../../src/engine/kafka/transactor.ts";
import { watchTransactions } from "../../src/engine/kafka/watch_transactions.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { flow, reader, redrive, relay } from "../support/forgotten/roles.ts";
import { tryRoles } from "../support/forgotten/try_roles.ts";
import { readPartition, record, texts } from "../support/kafka.ts";
import { runTransactions } from "./transactions_command.ts";
import { foundOf, wayIds, waysToGoOn, wayTopics } from "./kafka_forgotten_mutants.ts";
import { HandMadePipeline, openSharedReader } from "../integration/verify_pipeline.ts";
import { startTwoNodes, type TwoNodes } from "../support/two_nodes.ts";

const place = { topic: "in", partition: 0 };

Deno.test({
  name: "transactions that Kafka forgot in some partitions end there as they ended elsewhere",
  // The nodes are started here, and outlive nothing.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(test) {
    await using cluster = await startTwoNodes("4.3.1");
    const { client } = cluster;
    await cluster.makeTopics({
      ...{ in: [1], seen: [1], lane: [1, 2], joined: [1, 2], aborted: [1, 2] },
      ...{
        decided: [1, 2],
        foreign: [1, 2],
        alone: [1, 2],
        live: [1, 2],
        answered: [1, 2],
        unasked: [1, 2],
      },
      lost: [1, 2],
      ...Object.fromEntries(wayTopics.map((topic) => [topic, [1, 2] as const])),
    });
    assertEquals((await withCluster(client, forgetfulLine))?.line, "4.3");
    const news: TransactionNews[] = [];
    const options: SettleOptions & { transactionTimeoutMs: number } = {
      transactionTimeoutMs: 60_000,
      onNews: (_id, event) => news.push(event),
    };
    const ended = () =>
      news.splice(0).map((event) => {
        assert(event.kind === "ended");
        return event.outcome;
      });
    await using transactions = createTransactions(client, options);
    await using logReader = await openSharedReader(cluster.brokers);
    await using pipeline = await HandMadePipeline.open(logReader, {
      brokers: cluster.brokers,
      makeTopics: (topics) =>
        cluster.makeTopics(Object.fromEntries(
          topics.map((topic) => [topic, topic.endsWith(".invoices") ? [2, 2] : [1, 1]]),
        )),
    });
    const hidden = await invoiceToHide(pipeline);
    // Last, since its transactions are open from now on.
    const live = await Live.start(client, options);
    await using _live = live;
    await makeForgotten(cluster, live, hidden);
    const notAllowed = { ...options, mayWriteMarkers: false, mayReadState: false };
    await using producersOnly = createTransactions(client, notAllowed);

    await test.step("explain and verify name the one behind which an invoice lies", async () => {
      const { names } = pipeline;
      const { transactionalId, invoice, order, later } = hidden;
      const where = [`${names.invoicesTopic}-${invoice.partition}`, "__consumer_offsets-0"];
      const said = where.map((place) =>
        new RegExp(
          `Kafka has forgotten to end a transaction of ${transactionalId} \\(producer id \\d+\\) ` +
            `in ${place} .* it ended by commit .* "deno task worker transactions --proved"`,
        )
      );
      const [inLog, ofOffset] = said;
      assert(inLog && ofOffset);
      const behind = await pipeline.explain(order, "atOnce");
      assertEquals(behind.standing.stage, "waiting for the worker");
      assertMatch(behind.standing.because, inLog);
      assertMatch((await pipeline.explain(later, "atOnce")).standing.because, ofOffset);
      const { findings } = await pipeline.verify(false, true);
      const open = findings.filter(({ kind }) => kind === "open_transaction");
      for (const pattern of said) assertMatch(JSON.stringify(open).replaceAll("\\", ""), pattern);
      await using _transactor = await transactions.open(transactionalId);
      assertEquals(ended(), ["commit", "commit"]);
      assertEquals(
        (await pipeline.explain(order)).standing.stage,
        "waiting for the projector",
      );
    });
    await test.step("one that its own session would join to the next", async () => {
      // An abort of the next one would drop what was committed.
      const next = { records: [record("live", 1, "k", "next")], offsets: [] };
      const refused = await assertRejects(() => live.joined.commit(next), TransactionError);
      assertEquals(refused.verdict, "unknown");
      await using transactor = await live.transactions.open("live/in/0");
      await transactor.commit(next);
      assertEquals(texts(await readPartition(client, "live", 1)), ["second", "next"]);
      assertEquals(ended(), ["commit"]);
    });
    await test.step("one that nothing proves but the answer that this process got", async () => {
      await using _transactor = await live.transactions.open("answered/in/0");
      assertEquals(texts(await readPartition(client, "answered", 1)), ["second"]);
      assertEquals(ended(), ["commit"]);
    });
    await test.step("a lane's that was committed", async () => {
      await using transactor = await transactions.open("lane/in/0");
      assertEquals((await transactions.stableOffset("lane", place)).offset, 7);
      await transactor.commit({ records: [record("lane", 1, "k", "next")], offsets: [] });
      assertEquals(texts(await readPartition(client, "lane", 1)), ["second", "next"]);
      assertEquals(ended(), ["commit", "commit"]);
    });
    await test.step("a relay's, on a topic of which no note is left", async () => {
      await using relays = createTransactions(client, {
        ...options,
        ...{ writesTo: ["seen"], alsoWritesTo: () => Promise.resolve([]), alsoElsewhere: true },
      });
      await using _transactor = await relays.open("lost/in/0");
      assertEquals(texts(await readPartition(client, "lost", 1)), ["second"]);
      assertEquals(ended(), ["commit", "commit"]);
    });
    await test.step("one that was committed, without the right to write markers", async () => {
      await using _transactor = await producersOnly.open("joined/in/0");
      assertEquals((await producersOnly.stableOffset("joined", place)).offset, 7);
      assertEquals(texts(await readPartition(client, "joined", 1)), ["second"]);
      assertEquals(ended(), ["commit", "commit"]);
    });
    await test.step("one that was aborted by its timeout", async () => {
      await using transactor = await producersOnly.open("aborted/in/0");
      assertEquals((await producersOnly.stableOffset("aborted", place)).offset, -1);
      await transactor.commit({ records: [record("aborted", 1, "k", "next")], offsets: [] });
      assertEquals(texts(await readPartition(client, "aborted", 1)), ["next"]);
      assertEquals(ended(), ["abort", "abort"]);
    });
    await test.step("no operator ends one against the proof", async () => {
      const found = await showTransactions(client);
      const one = found.examined.find(({ part }) => part.topic === "foreign");
      assertEquals([one?.transactionalId, one?.outcome], ["somebody-else", "commit"]);
      const decision = { partition: "foreign-1", producerId: one?.part.producerId ?? -1n };
      assertThrows(() => planEnd(found, { ...decision, outcome: "abort" }), EndRefusedError);
      assertThrows(
        () => planEnd(found, { ...decision, producerId: -1n, outcome: "commit" }),
        EndRefusedError,
      );
    });
    await test.step("worker transactions shows the proof of a foreign one, and asks before it ends it", async () => {
      const listed = await runTransactions(client, ["--topic", "decided", "--json"]);
      const { transactions: rows } = JSON.parse(listed.stdout);
      const shown = rows.find((row: { partition: string }) => row.partition === "decided-1");
      assertEquals([shown.kind, shown.outcome, shown.transactional_id], [
        ...["forgotten", "commit", "somebody-else-yet"],
      ]);
      assertInstanceOf(listed.error, FindingError);
      const { stdout } = await runTransactions(client, ["--topic", "decided"]);
      assertStringIncludes(stdout, `FORGOTTEN, ended by commit: ${shown.proof}`);

      const place = ["--partition", "decided-1", "--producer", shown.producer_id, "--commit"];
      const refused = await runTransactions(client, place, false);
      assertEquals(refused.asked, [
        `End it in decided-1 (producer id ${shown.producer_id}) by commit? (${shown.proof})`,
      ]);
      assertInstanceOf(refused.error, NotConfirmedError);
      const isOpen = async () =>
        (await showTransactions(client)).examined.some(({ part }) => part.topic === "decided");
      assert(await isOpen());
      const done = await runTransactions(client, place, true);
      assertEquals([done.error, done.asked.length, await isOpen()], [undefined, 1, false]);
      assertEquals(texts(await readPartition(client, "decided", 1)), ["second"]);
    });
    await test.step("a foreign producer's, on a topic that we read, is said in one line", async () => {
      const lines: string[] = [];
      configureLogging({ level: "warning", write: (line) => void lines.push(line) });
      const { examined } = await showTransactions(client, ["foreign"]);
      const part = examined.find(({ part }) => part.topic === "foreign")?.part;
      const stop = new AbortController();
      const watching = watchTransactions(client, {
        topics: ["foreign"],
        health: createHealth(),
        onNews: (_id, event) => {
          news.push(event);
          stop.abort();
        },
        intervalMs: 100,
        graceMs: 0,
      }, stop.signal);
      await watching;
      configureLogging({ level: "error" });
      assertEquals(texts(await readPartition(client, "foreign", 1)), ["second"]);
      assertEquals(ended(), ["commit"]);
      const [warning = "", deed = "", ...more] = lines;
      assertMatch(
        warning,
        /Kafka is of the line 4\.3, and 4\.3\.0 and 4\.3\.1 can forget .*remedy/,
      );
      const who = `somebody-else (producer id ${part?.producerId}, epoch ${part?.producerEpoch})`;
      assertStringIncludes(deed, `${who} in foreign-1, from offset 0, last written `);
      assertMatch(
        deed,
        /last written at \d{4}-\d\d-\d\dT[\d:.]+Z\. Ended there now as it ended elsewhere: commit \(/,
      );
      assertEquals(more, []);
    });
    await test.step("one that nobody asked for is torn by the next that is aborted", async () => {
      const open = (onStep: TransactorOptions["onStep"]) =>
        openTransactor(client, "unasked-id", { ...options, onStep });
      {
        await using unasked = await open((step) => {
          if (step === "before-end-txn") throw new Error("gone");
        });
        const never = { records: [record("unasked", 1, "k", "never")], offsets: [] };
        await assertRejects(() => unasked.commit(never));
      }
      await using _next = await open(undefined);
      assertEquals(texts(await readPartition(client, "unasked", 0)), ["first"]);
      assertEquals(texts(await readPartition(client, "unasked", 1)), []);
    });
    for (const [name, [open, expected]] of Object.entries(waysToGoOn)) {
      await test.step(`those of a session that goes on: ${name}`, async () => {
        assertEquals(await foundOf(client, name, open), expected);
      });
    }
    await test.step("each role behind one, until all of its work is done", async () => {
      const roles = { flow, relay, redrive, reader };
      const hit = { step: "before-end-txn", end: "commit", roles, foreign: ["reader"] } as const;
      for (const { role, hanging, wrong } of await tryRoles(cluster, hit)) {
        assertEquals({ role, hung: hanging.length > 0, wrong }, {
          role,
          hung: true,
          wrong: undefined,
        });
      }
    });
    await test.step("one of which nothing is left that says how it ended", async () => {
      // Whoever opens the id without asking has the coordinator forget the outcome, too.
      await using _unasked = await openTransactor(client, "alone/in/0", options);
      const halt = await assertRejects(() => producersOnly.open("alone/in/0"), HaltError);
      assertStringIncludes(halt.message, "alone-1");
      assertStringIncludes(halt.message, "--commit");
      assertStringIncludes(halt.message, "--abort");
    });
    await test.step("that one after an operator has decided", async () => {
      const found = await showTransactions(client, ["alone"]);
      const [one] = found.examined;
      assert(one && found.examined.length === 1);
      // Who may read it finds a proof in the coordinators' own topic; who may not has to decide.
      assertEquals([one.kind, one.outcome], ["forgotten", "commit"]);
      assertStringIncludes(one.proof ?? "", "__transaction_state-0");
      const unproved = { examined: [{ ...one, outcome: undefined }] };
      const decision = { partition: "alone-1", producerId: one.part.producerId };
      assertThrows(() => planEnd(found, { ...decision, outcome: "abort" }), EndRefusedError);
      assertEquals(planEnd(unproved, { ...decision, outcome: "abort" }), unproved.examined[0]);
      const plan = planEnd(found, { ...decision, outcome: "commit" });
      await applyEnd(client, plan, "commit");
      await using _transactor = await transactions.open("alone/in/0");
      assertEquals(texts(await readPartition(client, "alone", 1)), ["second"]);
      await assertRejects(() => applyEnd(client, plan, "commit"), EndRefusedError);
    });
  },
});

/** An invoice in a transaction that bears the name of another lane, as a worker with several lanes commits it. */
async function invoiceToHide(pipeline: HandMadePipeline) {
  const { names } = pipeline;
  // Of three orders two are in the same of two partitions.
  await pipeline.place(3);
  const byPartition = Map.groupBy(await pipeline.relay(), ({ partition }) => partition);
  const [first, second] = [...byPartition.values()].find(({ length }) => length > 1) ?? [];
  assert(first && second);
  const draft = pipeline.invoiceOf(first);
  const invoice = record(names.invoicesTopic, first.partition, "", "");
  const place = { topic: names.ordersTopic, partition: first.partition };
  const idOf = ({ key }: typeof first) => new TextDecoder().decode(key ?? undefined);
  return {
    ...{ order: idOf(first), later: idOf(second) },
    invoice: { ...invoice, key: first.key, value: draft.value },
    transactionalId: `${names.invoicingGroup}/${names.ordersTopic}/${1 - first.partition}`,
    offsets: [{ groupId: names.invoicingGroup, ...place, offset: first.offset + 1 }],
  };
}

/** Sessions of this process that go on after a transaction of theirs was forgotten. */
class Live implements AsyncDisposable {
  private constructor(
    readonly transactions: Transactions & AsyncDisposable,
    readonly joined: Transactor,
    readonly answered: Transactor,
    readonly committed: Promise<unknown>,
    readonly ready: Promise<unknown>,
    readonly onDown: () => void,
  ) {}

  static async start(client: KafkaClient, options: SettleOptions & TransactorOptions) {
    const down = Promise.withResolvers<void>();
    // No setting names them; they are known from the first session that writes to them.
    const named: string[] = [];
    const waiting = new Map(
      ["live/in/0", "answered/in/0"].map((id) => [id, Promise.withResolvers<void>()]),
    );
    const transactions = createTransactions(client, {
      ...options,
      ...{ writesTo: ["seen"], alsoWritesTo: () => Promise.resolve(named) },
      async onStep(step, id) {
        if (step !== "before-end-txn") return;
        waiting.get(id)?.resolve();
        await down.promise;
        named.push("live", "answered");
      },
    });
    const joined = await transactions.open("live/in/0");
    const answered = await transactions.open("answered/in/0");
    const committed = Promise.all([
      joined.commit({ records: [record("live", 1, "k", "second")], offsets: [] }),
      // The next one makes the coordinator forget how the first one ended, and leaves no marker of it.
      answered.commit({ records: [record("answered", 1, "k", "second")], offsets: [] }).then(() =>
        answered.commit({ records: [record("answered", 0, "k", "first")], offsets: [] })
      ),
    ]);
    const ready = Promise.all([...waiting.values()].map(({ promise }) => promise));
    return new Live(transactions, joined, answered, committed, ready, down.resolve);
  }

  async [Symbol.asyncDispose]() {
    await this.joined[Symbol.asyncDispose]();
    await this.answered[Symbol.asyncDispose]();
    await this.transactions[Symbol.asyncDispose]();
  }
}

/** Some commit while the second node is down; one more is open then and times out. */
async function makeForgotten(
  cluster: TwoNodes,
  live: Live,
  hidden: Awaited<ReturnType<typeof invoiceToHide>>,
): Promise<void> {
  const { client } = cluster;
  const down = Promise.withResolvers<void>();
  const ready: Promise<void>[] = [];
  const hang = async (transactionalId: string, write: AtomicWrite) => {
    const written = Promise.withResolvers<void>();
    ready.push(written.promise);
    await using transactor = await openTransactor(client, transactionalId, {
      transactionTimeoutMs: 60_000,
      onStep: async (step) => {
        if (step !== "before-end-txn") return;
        written.resolve();
        await down.promise;
      },
    });
    await transactor.commit(write);
  };
  const commit = async (name: string, transactionalId: string, nodes: readonly number[]) => {
    const values = ["first", "second"];
    await hang(transactionalId, {
      records: nodes.map((node) => record(name, node, "k", values[node])),
      offsets: transactionalId.includes("/in/") && nodes.length > 1
        ? [{ groupId: name, ...place, offset: 7 }]
        : [],
    });
  };
  const commits = Promise.all([
    commit("lane", "lane/in/0", [0, 1]),
    commit("joined", "joined/in/0", [0, 1]),
    commit("lost", "lost/in/0", [0, 1]),
    commit("foreign", "somebody-else", [0, 1]),
    commit("decided", "somebody-else-yet", [0, 1]),
    commit("alone", "alone/in/0", [1]),
    commit("unasked", "unasked-id", [0, 1]),
    ...wayIds.flatMap(({ committed, alone }) => [
      commit(committed, committed, [0, 1]),
      commit(alone, alone, [1]),
    ]),
    hang(hidden.transactionalId, { records: [hidden.invoice], offsets: hidden.offsets }),
  ]);
  await Promise.all([...ready, live.ready]);
  const offsets = [{ groupId: "aborted", ...place, offset: 9 }];
  await Promise.all([
    leaveOpen(client, "aborted", "aborted/in/0", offsets),
    ...wayIds.map(({ aborted }) => leaveOpen(client, aborted, aborted)),
  ]);
  await cluster.kill();
  down.resolve();
  live.onDown();
  await Promise.all([commits, live.committed]);
  // The coordinator's sweep comes every ten seconds.
  await until(async () => {
    const seen = { topic: "seen", partition: 0 };
    const [stable, all] = await withCluster(client, async (vendor) => [
      await readLogRange(vendor, seen),
      await readLogRange(vendor, seen, { isolationLevel: 0 }),
    ]);
    return stable.end === all.end;
  });
  await cluster.revive();
  const { open } = await withCluster(client, (vendor) => findOpen(vendor, undefined));
  const where = open.map(({ topic }) => topic).sort();
  assertEquals(
    where,
    [
      ...Array(5).fill("__consumer_offsets"),
      ...["aborted", "alone", "answered", "decided", "foreign", "joined", "lane", "live", "lost"],
      ...["unasked", hidden.invoice.topic, ...wayTopics],
    ].sort(),
    "this broker should forget what lies on the second node",
  );
}

/** A producer that is gone before it could end its transaction. */
async function leaveOpen(
  client: KafkaClient,
  topic: string,
  transactionalId: string,
  offsets: AtomicWrite["offsets"] = [],
): Promise<void> {
  await using transactor = await openTransactor(client, transactionalId, {
    transactionTimeoutMs: 4_000,
    onStep: (step) => {
      if (step === "before-end-txn") throw new Error("gone");
    },
  });
  await assertRejects(() =>
    transactor.commit({
      records: [
        ...[0, 1].map((node) => record(topic, node, "k", "never")),
        record("seen", 0, "k", "never"),
      ],
      offsets,
    })
  );
}

async function until(look: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!await look().catch(() => false)) {
    if (Date.now() > deadline) throw new Error("it did not come about within a minute");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
