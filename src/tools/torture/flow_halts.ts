/**
 * Faults of the flow's own topic and group after which a worker must halt, and the way on that its message names. Each
 * would lose records in silence if the worker believed what it finds.
 */
import { join } from "node:path";
import { createTransactions } from "../../engine/kafka/transactions.ts";
import { createKafkaClient } from "../../engine/kafka/kafka_client.ts";
import { applyOffset, planOffset } from "../../engine/kafka/offset_admin.ts";
import { append } from "../../engine/outbox/mod.ts";
import { waitFor } from "../stack/wait.ts";
import type { Arena } from "./arena.ts";
import { firstHalt, type HaltOutcome, type OnEnd, outcomeOf } from "./halts.ts";
import { createTopic, deleteTopic, resetOffsets } from "./kafka_tool.ts";
import { sequenceFlow, sequenceTopics } from "./sequence_flow.ts";
import { tortureTimeouts } from "./torture_environment.ts";

const { input: topic } = sequenceTopics;
const { groupId } = sequenceFlow();
const waitMsMax = 40_000;
const eventsMore = 60;

/** All of them, each followed by the decision that lets the workers go on. */
export async function flowMustHalt(
  arena: Arena,
  directory: string,
  onEnd: OnEnd,
  signal: AbortSignal,
): Promise<HaltOutcome[]> {
  const outcomes = [await groupMovedByOthers(arena, onEnd, signal)];
  await goOn(arena);
  outcomes.push(await topicMadeAgain(arena, onEnd, signal));
  if (arena.cluster.brokers.length > 1) return outcomes;
  await goOn(arena);
  outcomes.push(await logReplaced(arena, directory, onEnd, signal));
  return outcomes;
}

/** While no worker runs, somebody else sets the group to the end of the topic. */
async function groupMovedByOthers(
  arena: Arena,
  onEnd: OnEnd,
  signal: AbortSignal,
): Promise<HaltOutcome> {
  const what = "somebody else moved the group";
  await stopWorkers(arena);
  await appendMore(arena, eventsMore, signal);
  // A member that was killed is in the group until its session times out.
  const moved = await waitFor(
    async () => await resetOffsets(arena.tools, groupId, topic) || undefined,
    { waitMsMax: 2 * waitMsMax },
  );
  if (!moved) return outcomeOf(`${what} (it could not be moved)`, undefined);
  const halted = firstHalt(onEnd, isWorker, signal);
  for (const worker of workersOf(arena)) worker.start();
  return outcomeOf(what, await halted);
}

/** The input topic is deleted and recreated while the workers are stopped in their tracks. */
async function topicMadeAgain(
  arena: Arena,
  onEnd: OnEnd,
  signal: AbortSignal,
): Promise<HaltOutcome> {
  const halted = firstHalt(onEnd, isWorker, signal);
  const workers = workersOf(arena);
  workers.forEach((worker) => worker.signal("SIGSTOP"));
  try {
    await deleteTopic(arena.tools, topic);
    await waitFor(
      async () => await createTopic(arena.tools, topic, arena.partitionsAtStart) || undefined,
      { waitMsMax },
    );
  } finally {
    workers.forEach((worker) => worker.signal("SIGCONT"));
  }
  return outcomeOf("a topic was deleted and recreated", await halted);
}

/** The broker loses the input's logs, and they grow past what was committed before the workers are back. */
async function logReplaced(
  arena: Arena,
  directory: string,
  onEnd: OnEnd,
  signal: AbortSignal,
): Promise<HaltOutcome> {
  const caughtUp = nextCommit(arena, signal);
  await appendMore(arena, eventsMore / 2, signal);
  await caughtUp;
  await stopWorkers(arena);
  const [broker] = arena.cluster.brokers;
  await broker?.stop();
  const logs = join(directory, `broker-${broker?.nodeId}`);
  for await (const path of logDirectories(logs)) await Deno.remove(path, { recursive: true });
  await broker?.start();
  await appendMore(arena, 4 * eventsMore, signal);
  const halted = firstHalt(onEnd, isWorker, signal);
  for (const worker of workersOf(arena)) worker.start();
  return outcomeOf("the log was replaced by another", await halted);
}

/** What the message of the halt names: the operator decides where each partition goes on. */
async function goOn(arena: Arena): Promise<void> {
  await stopWorkers(arena);
  const { directBrokers: brokers } = arena.cluster;
  const client = createKafkaClient({ brokers, clientId: "onceflow-torture", ssl: false });
  await using transactions = createTransactions(client, {
    transactionTimeoutMs: tortureTimeouts.transactionTimeoutMs,
  });
  for (let partition = 0; partition < arena.partitionsAtStart; partition++) {
    // Refused while a killed worker counts as a member, or its transaction is open.
    await waitFor(
      async () => {
        try {
          const change = await planOffset(client, { groupId, topic, partition, to: "latest" });
          await applyOffset(client, transactions, change);
          return true;
        } catch {
          return undefined;
        }
      },
      { waitMsMax },
    );
  }
  const workers = workersOf(arena);
  for (const worker of workers) worker.start();
  await Promise.all(workers.map((worker) => worker.ready()));
}

/** Through the outbox, as everything that the torture sends; resolves when the relays have handed it on. */
async function appendMore(arena: Arena, count: number, signal: AbortSignal): Promise<void> {
  const { sql, events } = arena;
  const relayed = Promise.withResolvers<void>();
  let rows = 0;
  const off = events.on((_, event) => {
    if (event.event !== "committed" || event.role !== "relay") return;
    rows += event.records;
    if (rows >= count) relayed.resolve();
  });
  const timer = setTimeout(() => relayed.resolve(), waitMsMax);
  signal.addEventListener("abort", () => relayed.resolve(), { once: true });
  for (let index = 0; index < count; index++) {
    const key = `more-${index % 12}`;
    const value = new TextEncoder().encode(JSON.stringify({ key, seq: 1, pad: "" }));
    await sql.begin((tx) => append(tx, { topic, key, value, type: "Numbered" }));
  }
  await relayed.promise;
  clearTimeout(timer);
  off();
}

function nextCommit({ events }: Arena, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      off();
      clearTimeout(timer);
      resolve();
    };
    const off = events.on((_, event) => {
      if (event.event === "committed" && event.role === "sequences") finish();
    });
    const timer = setTimeout(finish, waitMsMax);
    signal.addEventListener("abort", finish, { once: true });
  });
}

async function* logDirectories(directory: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(directory)) {
    if (!entry.isDirectory) continue;
    const path = join(directory, entry.name);
    if (entry.name.startsWith(`${topic}-`)) yield path;
    else yield* logDirectories(path);
  }
}

function isWorker(name: string): boolean {
  return name.startsWith("worker");
}

function workersOf({ roles }: Arena) {
  return [...roles.values()].filter(({ name }) => isWorker(name));
}

async function stopWorkers(arena: Arena): Promise<void> {
  await Promise.all(workersOf(arena).map((worker) => worker.stop()));
}
