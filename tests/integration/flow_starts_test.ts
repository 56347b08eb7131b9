/** Where a group begins that has committed nothing, and what of it holds when the process dies at once. */
import { Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import type { Flow, FlowOptions } from "../../src/engine/mod.ts";
import { createHealth, defineFlow, HaltError, topic } from "../../src/engine/mod.ts";
import { openGroupBeginnings } from "../../src/engine/kafka/group_beginnings.ts";
import { repeatsOthers } from "../../src/engine/flow/tell_new_group.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import type { TransactionStep } from "../../src/engine/kafka/transactor.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";

const read = z.object({ id: z.string() });
type Event = z.output<typeof read>;

/** Of what is made: what came of it is read sooner then. */
const onePartition = { topicPartitions: 1 };

/** A topic with one partition, and flows that copy it. */
async function sourceOf(...ids: string[]) {
  const client = await testClient();
  const [source = "", target = ""] = await freshTopics(client, 1, "starts", "out");
  const out = topic(target, { read, key: ({ id }) => id });
  const flowWith = (options: Partial<FlowOptions<Event>>): Flow<Event> =>
    defineFlow({
      name: `starts-${source}`,
      from: topic(source, { read, key: ({ id }) => id }),
      to: [out],
      transform: (event) => out.event(event),
      ...options,
    });
  const fill = (ids: string[], partition = 0) =>
    produce(client, ids.map((id) => record(source, partition, id, { id })));
  await fill(ids);
  const copied = async () => jsons(await readPartition(client, target)).map(({ id }) => id);
  const brokers = [...client.settings.brokers];
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  return { client, source, flowWith, fill, copied, admin };
}

/** Runs it until the process would die there: nothing of what follows the step is done. */
async function dieAt(
  { client, flow, step, before }: {
    readonly client: Awaited<ReturnType<typeof testClient>>;
    readonly flow: Flow<Event>;
    readonly step: TransactionStep;
    /** Called at every step up to that. */
    readonly before?: (step: TransactionStep) => Promise<void>;
  },
) {
  const death = new AbortController();
  const tooLate = setTimeout(() => death.abort(new Error(`${step} was never reached`)), 30_000);
  const dead = new Error("dead");
  await runFlow(client, flow, death.signal, onePartition, {
    async onStep(at) {
      await before?.(at);
      if (at !== step) return;
      death.abort(dead);
      throw dead;
    },
  });
  clearTimeout(tooLate);
  if (death.signal.reason !== dead) throw death.signal.reason;
}

Deno.test("a group that begins at the latest record keeps that start through failures and a death before its first record", async () => {
  const { client, source, flowWith, fill, copied, admin } = await sourceOf("a", "b");
  const flow = flowWith({ startFrom: "latest" });
  let commits = 0;
  await dieAt({
    ...{ client, flow, step: "after-commit" },
    // The first commit of the start fails: it is not chosen anew, behind what has come since.
    async before(step) {
      if (step !== "before-end-txn" || ++commits > 1) return;
      await fill(["c"]);
      throw new Error("the connection broke");
    },
  });
  await fill(["d"]);
  await runUntil(client, flow, ({ records }) => records === 2, onePartition);
  assertEquals(await copied(), ["c", "d"]);

  // A partition that is added later: what came before the group saw it is not passed over.
  await admin.connect();
  await admin.createPartitions({ topicPartitions: [{ topic: source, count: 2 }] });
  await admin.disconnect();
  await fill(["e"], 1);
  await runUntil(client, flow, ({ records }) => records === 1, onePartition);
  assertEquals(await copied(), ["c", "d", "e"]);
});

Deno.test("a flow takes over from another consumer of its group once, and halts when that comes back", async () => {
  const { client, source, flowWith, copied } = await sourceOf("a", "b", "c");
  const groupId = `legacy ${source}`;
  const moveTo = async (offset: number) => {
    // As a consumer commits that knows nothing of onceflow.
    await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
    await using transactor = await transactions.open(`${groupId}/${source}/0`);
    const place = { groupId, topic: source, partition: 0 };
    await transactor.commit({ records: [], offsets: [{ ...place, offset }] });
  };
  await moveTo(1);
  const careful = flowWith({ groupId });
  const foreign = await assertRejects(() => runUntil(client, careful, () => true), HaltError);
  assertStringIncludes(foreign.message, "no worker of onceflow has committed that");

  const flow = flowWith({ groupId, takeOver: true });
  await dieAt({ client, flow, step: "before-end-txn" });
  await runUntil(client, flow, ({ records }) => records === 2, onePartition);
  assertEquals(await copied(), ["b", "c"]);

  await moveTo(3);
  const again = await assertRejects(() => runUntil(client, flow, () => true), HaltError);
  assertStringIncludes(again.message, "no worker of onceflow has committed that");
});

Deno.test("a flow that takes over waits for a consumer that is still alive, says so, and begins where that has stopped", async () => {
  const { client, source, flowWith, fill, copied } = await sourceOf("a", "b");
  const groupId = `living ${source}`;
  const kafka = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING });
  const other = kafka.consumer({ groupId });
  const seen: string[] = [];
  await other.connect();
  await other.subscribe({ topic: source, fromBeginning: true });
  await other.run({
    eachMessage: ({ message }) => Promise.resolve(void seen.push(String(message.key))),
  });
  const patience = { waitMsMax: 60_000 };
  const has = (count: number) => waitFor(() => seen.length === count || undefined, patience);
  await has(2);

  const health = createHealth();
  const flow = flowWith({ groupId, takeOver: true });
  const taken = runUntil(client, flow, ({ records }) => records === 1, { ...onePartition, health });
  const said = () =>
    health.ready().checks.find(({ name, ok }) => name === `group:${groupId}` && !ok);
  assertStringIncludes(
    (await waitFor(said, patience))?.detail ?? "",
    "another consumer, which is not this version of onceflow",
  );
  await fill(["c"]);
  await has(3);
  await other.disconnect();
  await fill(["d"]);
  await taken;
  assertEquals([seen, await copied()], [["a", "b", "c"], ["d"]]);
});

Deno.test("a group that would make once more what another has made is known for one before it begins, and one that has lost its offsets is not", async () => {
  const { client, source, flowWith, copied, admin } = await sourceOf("a", "b");
  using beginnings = openGroupBeginnings(client);
  const { signal } = new AbortController();
  const repeats = (flow: Flow<Event>) => repeatsOthers(client, flow, beginnings, signal);
  const flow = flowWith({ groupId: `first ${source}` });
  assertEquals(await repeats(flow), false);
  await runUntil(client, flow, ({ records }) => records === 2, onePartition);
  assertEquals(await copied(), ["a", "b"]);
  assertEquals(await repeats(flow), false);
  const renamed = { groupId: `renamed ${source}` };
  assertEquals(await repeats(flowWith(renamed)), true);
  assertEquals(await repeats(flowWith({ ...renamed, startFrom: "latest" })), false);
  await admin.connect();
  await admin.deleteGroups([flow.groupId]);
  await admin.disconnect();
  assertEquals(await repeats(flow), false);
});
