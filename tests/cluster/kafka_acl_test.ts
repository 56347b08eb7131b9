/** Each role with exactly what the table of src/rights.md grants it, on a broker that allows nothing else. */
import { Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { checkBooks, explain } from "../../src/tools/books.ts";
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime, openUntilStopped } from "../../src/app/compose/open_runtime.ts";
import { rebuildViews, viewsStatus } from "../../src/app/compose/read_model.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { openApi } from "../../src/app/compose/run_serve.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import type { Role } from "../../src/app/compose/roles.ts";
import { ensureAppTopics } from "../../src/app/compose/topics_of.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { findDeadLetter } from "../../src/engine/dead_letters/find_dead_letter.ts";
import { listGroups } from "../../src/engine/dead_letters/list_groups.ts";
import { listDeadLetters } from "../../src/engine/dead_letters/list_dead_letters.ts";
import { listParkedKeys } from "../../src/engine/dead_letters/load_parked_keys.ts";
import {
  openDeadLetterStore,
  stateTopics,
} from "../../src/engine/dead_letters/open_dead_letter_store.ts";
import { redriveDeadLetters } from "../../src/engine/dead_letters/redrive.ts";
import { unpark } from "../../src/engine/dead_letters/unpark.ts";
import {
  EndRefusedError,
  planEnd,
  showTransactions,
} from "../../src/engine/kafka/end_by_decision.ts";
import { showOffsets } from "../../src/engine/kafka/group_standing.ts";
import { laneCheckpointsTopic } from "../../src/engine/kafka/lane_checkpoints.ts";
import { applyOffset, planOffset } from "../../src/engine/kafka/offset_admin.ts";
import { compactedTopicConfig } from "../../src/engine/kafka/topic_config.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { defineFlow, keyedState, topic } from "../../src/engine/mod.ts";
import { appendInTransaction } from "../support/append_in_transaction.ts";
import { type Acls, documentedGrants, type Grant, openAcls } from "../support/acls.ts";
import { assert, assertEquals, assertExists, assertThrows } from "../support/assert.ts";
import { produce, readPartition, record } from "../support/kafka.ts";
import { type OwnBroker, startOwnBroker } from "../support/own_broker.ts";
import { keepLog, takeAway, takenFromFlows, until, type Worker } from "./kafka_acl_taken_away.ts";
import { loseLogin } from "./kafka_lost_login.ts";
import { freshDatabase, type TestDatabase } from "../support/services.ts";

/** The user of each row of the table. */
const users = {
  serve: "serve",
  "worker --only relay": "relay",
  "worker --only flow": "flow",
  "worker --only projector": "projector",
  "a flow that parks, beside that": "parking",
  "a flow that keeps state, beside that": "stateful",
  "worker offsets show": "offsets-show",
  "worker offsets set": "offsets-set",
  "worker transactions": "transactions",
  "dlq groups, list, repro, show": "dlq-list",
  "dlq redrive": "redrive",
  "dlq parked, unpark": "unpark",
  "projection status": "status",
  "projection rebuild, rollback": "rebuild",
  verify: "verify",
  explain: "explain",
} as const;

const never = new AbortController().signal;

/** The pipeline's names and places for one user. */
function configOf(broker: OwnBroker, database: TestDatabase, user: string): Config {
  return readConfig({
    KAFKA_BROKERS: broker.as(user).settings.brokers.join(","),
    DATABASE_URL: database.url,
    ...{ KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: user, KAFKA_SASL_PASSWORD: user },
    ...{ TOPIC_PARTITIONS: "1", SESSION_TIMEOUT_MS: "6000" },
  });
}

Deno.test("each role does its work with exactly what its row grants it, and says what it lacks", async (test) => {
  keepLog();
  const table = await documentedGrants();
  assertEquals([...table.keys()].sort(), Object.keys(users).sort());
  const flowRow = table.get("worker --only flow") ?? [];
  const stateRow = table.get("a flow that keeps state, beside that") ?? [];
  await using database = await freshDatabase();
  await using broker = await startOwnBroker({
    security: {
      users: [
        ...Object.values(users),
        ...[...flowRow, ...stateRow].map((_, n) => `flow-case-${n}`),
      ],
    },
  });
  await using acls = await openAcls(broker.client);
  const config = (user: string) => configOf(broker, database, user);
  await ensureAppTopics(broker.client, config("admin"));
  await ensureTopics(broker.client, [
    laneCheckpointsTopic(broker.client.names, 1),
    ...stateTopics(broker.client.names, 1),
  ]);
  await acls.grant(
    Object.fromEntries(Object.entries(users).map(([role, user]) => [user, table.get(role) ?? []])),
  );
  const atWork = (["relay", "flow", "projector"] as const).map((role) =>
    roleAtWork(config(role), role)
  );
  for (const { start } of atWork) start();
  await using serve = await openRuntime(config("serve"), {
    ...{ applicationName: "serve", health: createHealth(), kafkaLater: true },
  });
  await using api = openApi(serve, createObservability());
  const { sql } = serve.database;
  const services = (user: string) => ({ ...serve.services, kafka: broker.as(user).settings });
  const statusOf = async (id: string) => {
    const [row] = await sql<{ invoice_id: string | null; dead_lettered_at: Date | null }[]>`
      select invoice_id, dead_lettered_at from order_view where order_id = ${id}`;
    return row && (row.invoice_id ? "invoiced" : row.dead_lettered_at ? "dead" : "published");
  };
  const place = async (currency: string) => {
    const body = JSON.stringify({ user_id: "ada", amount: "1.00", currency });
    const headers = { "content-type": "application/json" };
    const request = new Request("http://x/orders", { method: "POST", body, headers });
    const response = await api.fetch(request);
    assertEquals(response.status, 202);
    return (await response.json()).order_id as string;
  };
  const storeOf = (user: string, dlq = "orders.DLQ") =>
    openDeadLetterStore(broker.as(user), { topic: dlq, transactionTimeoutMs: 10_000 });

  await test.step(
    "a login that is not answered is an outage",
    () => loseLogin(broker, "serve"),
  );
  const good = await place("USD");
  const bad = await place("BRL");
  await test.step("serve, relay, flow, projector", async () => {
    await until("it is invoiced", async () => await statusOf(good) === "invoiced");
    await until("it is a dead letter", async () => await statusOf(bad) === "dead");
    await until("the dashboard knows all of it", async () => {
      const response = await api.fetch(new Request("http://x/dashboard/data.json"));
      const { lags, dead_letters, workers } = await response.json();
      return lags.known && dead_letters.known && dead_letters.value.records === 1 &&
        workers.known && workers.value.members.length === 1 &&
        workers.value.unowned.length === 0;
    });
  });
  await test.step("dlq list, show, redrive", async () => {
    await using store = storeOf("dlq-list");
    const [letter] = await listDeadLetters(store, { limit: 9, pending: true });
    assertExists(letter);
    await findDeadLetter(store, letter.record);
    assertEquals((await listGroups(store)).count, 1);
    await sql`insert into tax_rates (currency, rate) values ('BRL', 0.19)`;
    await using redriving = storeOf("redrive");
    assertEquals((await redriveDeadLetters(redriving)).redriven, 1);
    await until("it is invoiced at last", async () => await statusOf(bad) === "invoiced");
    assertEquals((await listDeadLetters(store, { limit: 9, pending: true })).length, 0);
    // What was noted is read, too.
    assertEquals((await redriveDeadLetters(redriving)).redriven, 0);
    // It sees no group of others, and is not refused for it.
    assertEquals(await redriving.groupsThatRead?.("orders"), []);
    const options = { topic: "orders.DLQ", transactionTimeoutMs: 10_000 };
    await using unbound = openDeadLetterStore(broker.client, options);
    const groups = await unbound.groupsThatRead?.("orders") ?? [];
    assert(groups.includes("onceflow.invoicing"), `${groups}`);
  });
  await test.step("dlq parked, unpark", () => parkAndUnpark(broker, acls, table));
  await test.step("projection status, rebuild", async () => {
    assertEquals((await viewsStatus(config("status"), services("status"))).findings, []);
    const options = { allowMissingHistory: false, onProgress: () => {}, signal: never };
    await rebuildViews(config("rebuild"), services("rebuild"), options);
    assertEquals(await statusOf(bad), "invoiced");
  });
  await test.step("verify, explain", async () => {
    const options = { drained: true, signal: never };
    const report = await checkBooks(config("verify"), services("verify"), options);
    const { standing } = await explain(config("explain"), services("explain"), bad, never);
    assertEquals([report.good, standing.stage], [true, "invoiced"]);
  });
  await test.step("worker transactions", async () => {
    await using _own = await openTransaction(broker, "onceflow.test/invoices/0");
    // Of an id that the row does not show: it must not be taken for one that Kafka forgot.
    await using _other = await openTransaction(broker, "payments");
    const found = await showTransactions(broker.as("transactions"));
    const kinds = found.examined.map(({ kind, transactionalId }) => [kind, transactionalId]);
    assertEquals(kinds, [["ongoing", "onceflow.test/invoices/0"], ["hidden", undefined]]);
    assertEquals(found.refused, []);
    const { partition, producerId } = found.examined[1]?.part ?? { partition: 0, producerId: 0n };
    const decision = { partition: `invoices-${partition}`, producerId, outcome: "abort" } as const;
    assertThrows(() => planEnd(found, decision), EndRefusedError, "may be at work");
  });
  await test.step("rows for a topic that may not be written wait alone, and go on when it may be", async () => {
    const topics = ["closed", "hidden"];
    const spec = { partitions: 1, replicationFactor: 1 };
    await ensureTopics(broker.client, topics.map((topic) => ({ topic, ...spec })));
    await acls.grant({ relay: [{ operation: "Describe", resource: "topic", name: "closed" }] });
    const append = (topic: string, key: string) =>
      sql.begin((tx) =>
        appendInTransaction(tx, {
          ...{ topic, key, value: new Uint8Array([1]), eventType: "Said" },
          eventId: crypto.randomUUID(),
        }, { shards: 1 })
      );
    const [relay] = atWork;
    assertExists(relay);
    const said = () => relay.health.ready().checks.map(({ detail }) => detail).join("\n");
    for (const key of ["a", "b"]) for (const topic of topics) await append(topic, key);
    const order = await place("USD");
    await until("the order is invoiced", async () => await statusOf(order) === "invoiced");
    await until(
      "both are named",
      () => said().includes('may not Write topic "closed"') && said().includes('no topic "hidden"'),
    );
    // Neither a new session nor a new process forgets them, or lets a later one pass.
    await relay.stop();
    relay.start();
    await append("closed", "a");
    const next = await place("USD");
    await until("the next one is invoiced", async () => await statusOf(next) === "invoiced");
    await until("it is named again", () => said().includes('may not Write topic "closed"'));
    const write = topics.map((name) => ({ operation: "Write", resource: "topic", name } as const));
    await acls.grant({ relay: write });
    await until("nothing waits", () => relay.health.ready().ready);
    const keys = async (topic: string) =>
      (await readPartition(broker.client, topic)).map(({ key }) =>
        new TextDecoder().decode(key ?? undefined)
      );
    assertEquals([await keys("closed"), await keys("hidden")], [["a", "b", "a"], ["a", "b"]]);
  });
  await test.step("what is taken away from the roles is named, and they go on when it is back", async () => {
    const [relay, , projector] = atWork.map((role): Worker => ({
      ...role,
      work: async () => {
        const [order, dead] = [await place("USD"), await place("CHF")];
        await until("it is invoiced", async () => await statusOf(order) === "invoiced");
        await until("it is invoiced, too", async () => await statusOf(dead) === "invoiced");
      },
    }));
    assert(relay && projector);
    const rows = {
      relay: table.get("worker --only relay") ?? [],
      projector: table.get("worker --only projector") ?? [],
    };
    await Promise.all([
      takenFromFlows(broker, acls, flowRow, stateRow),
      takenFromPipeline(acls, relay, rows.relay.map((grant) => [grant])).then(() =>
        // Each partition says its own.
        takenFromPipeline(acls, projector, [rows.projector.slice(0, 3), rows.projector.slice(3)])
      ),
    ]);
  });
  await Promise.all(atWork.map(({ stop }) => stop()));
  await test.step("worker offsets show, set", async () => {
    const show = broker.as("offsets-show");
    for (const group of ["invoicing", "relay", "projector", "redrive"]) {
      await showOffsets(show, `onceflow.${group}`);
    }
    const set = broker.as("offsets-set");
    await using transactions = createTransactions(set, { transactionTimeoutMs: 10_000 });
    for (
      const [group, topic, unbounded] of [
        ...[["invoicing", "orders", false], ["redrive", "orders.DLQ", false]] as const,
        ...[["relay", "onceflow.outbox-cursor", true]] as const,
      ]
    ) {
      const groupId = `onceflow.${group}`;
      const target = { groupId, topic, partition: 0, to: 1, unbounded };
      await applyOffset(set, transactions, await planOffset(set, target));
      const { partitions } = await showOffsets(show, groupId);
      assertEquals(partitions.map(({ committed }) => committed), [1]);
    }
  });
});

async function takenFromPipeline(
  acls: Acls,
  worker: Worker,
  cases: readonly (readonly Grant[])[],
): Promise<void> {
  for (const grants of cases) {
    await takeAway(acls, worker, grants, "running");
    await takeAway(acls, worker, grants, "starting");
  }
}

function roleAtWork(config: Config, role: Role): Omit<Worker, "work"> {
  const { health } = createObservability();
  let stop = new AbortController();
  let running = Promise.resolve();
  const run = async (signal: AbortSignal) => {
    const options = { applicationName: role, roles: [role], health, signal };
    await using runtime = await openUntilStopped(config, options);
    if (!runtime) return;
    await runWorker(runtime, { roles: [role], guarantee: "exactly-once", health }, signal);
  };
  return {
    user: role,
    health,
    start() {
      stop = new AbortController();
      running = run(stop.signal);
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
}

/** Somebody's transaction with a record in `invoices`; disposing aborts it. */
async function openTransaction(
  { client }: OwnBroker,
  transactionalId: string,
): Promise<AsyncDisposable> {
  const kafka = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ transactionalId, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic: "invoices", messages: [{ value: "unfinished" }] });
  return {
    async [Symbol.asyncDispose]() {
      await transaction.abort();
      await producer.disconnect();
    },
  };
}

/** A flow of somebody's own: the same rows with its names in the place of the application's. */
async function parkAndUnpark(
  broker: OwnBroker,
  acls: Acls,
  table: ReadonlyMap<string, readonly Grant[]>,
): Promise<void> {
  const { client } = broker;
  const [input, output, dlq] = ["in", "out", "in.DLQ"];
  const own = ({ name, ...grant }: Grant): Grant => ({
    ...grant,
    name: name.replace("onceflow.invoicing", "onceflow.parking")
      .replace(/^orders/, input).replace(/^invoices$/, output),
  });
  const spec = { partitions: 1, replicationFactor: 1 };
  await ensureTopics(client, [
    ...[input, output, dlq].map((topic) => ({ topic, ...spec })),
    { topic: "onceflow.parking.state", ...spec, config: compactedTopicConfig },
  ]);
  await acls.grant({
    parking: ["worker --only flow", "a flow that keeps state, beside that"]
      .flatMap((row) => table.get(row) ?? []).map(own),
    unpark: (table.get("dlq parked, unpark") ?? []).map(own),
  });
  const read = z.object({ id: z.string(), n: z.number() });
  const key = ({ id }: { id: string }) => id;
  const out = topic(output, { read, key });
  const failing = new Set([1]);
  const flow = defineFlow({
    ...{ name: "parking", from: topic(input, { read, key }), to: [out], park: "key" },
    deadLetters: dlq,
    retry: { retriesMax: 0 },
    state: keyedState({ read: z.object({ seen: z.int() }) }),
    transform(event, { state }) {
      if (failing.has(event.n)) throw new Error("not yet");
      state.set({ seen: (state.get()?.seen ?? 0) + 1 });
      return out.event(event);
    },
  });
  const stop = new AbortController();
  const running = runFlow(broker.as("parking"), flow, stop.signal);
  await produce(client, [1, 2].map((n) => record(input, 0, "k", { id: "k", n })));
  await using store = openDeadLetterStore(broker.as("unpark"), {
    ...{ topic: dlq, transactionTimeoutMs: 10_000 },
  });
  await until("both are parked", async () => (await listParkedKeys(store.log))[0]?.length === 2);
  const [parked] = await listParkedKeys(store.log);
  assert(parked);
  failing.clear();
  assertEquals((await unpark(store, parked, { waitMsMax: 30_000 })).kind, "free");
  assertEquals((await readPartition(client, output)).length, 2);
  stop.abort();
  await running;
}
