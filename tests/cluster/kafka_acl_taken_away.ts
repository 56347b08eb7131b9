/** Takes one permission away, sees that it is named, and grants it again. Not a test by itself. */
import { z } from "zod";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { createHealth, type Health } from "../../src/engine/core/health.ts";
import { compactedTopicConfig } from "../../src/engine/kafka/topic_config.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { type AnyFlow, defineFlow, keyedState, topic } from "../../src/engine/mod.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import type { Acls, Grant } from "../support/acls.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { produce, readPartition, record } from "../support/kafka.ts";
import type { OwnBroker } from "../support/own_broker.ts";

/** Something at work with an own user, which can be stopped and started again. */
export interface Worker {
  readonly user: string;
  readonly health: Health;
  /** Gives it something to do, and waits until that is done, however long it takes. */
  work(): Promise<void>;
  stop(): Promise<void>;
  start(): void;
}

const lines: string[] = [];

/** From here on what is logged is kept, and counted by {@linkcode takeAway}. */
export function keepLog(): void {
  configureLogging({ level: "warning", write: (line) => void lines.push(line) });
}

/** Waits for a condition. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const looking = async () => {
    while (!await holds()) await delay(50);
  };
  await inTime(looking(), what);
}

const options = { topic: "topic", group: "group", "transactional id": "transactional-id" };

/** Without these, one after the other is named where an operator looks, and work goes on by itself when all are back. */
export async function takeAway(
  acls: Acls,
  worker: Worker,
  grants: readonly Grant[],
  when: "running" | "starting",
): Promise<void> {
  const { user } = worker;
  if (when === "starting") await worker.stop();
  const before = lines.length;
  await acls.revoke({ [user]: grants });
  if (when === "starting") worker.start();
  const working = worker.work();
  working.catch(() => {});
  const wanted = grants.map(({ operation, resource, name }) => [
    `the user ${user} may not ${operation}`,
    `--allow-principal User:${user} --operation ${operation} ` +
    `--${options[resource as keyof typeof options]} '${name.replace(/\*$/, "")}`,
  ]).flat();
  const said = () =>
    worker.health.ready().checks.filter(({ ok }) => !ok).map(({ detail }) => detail).join("\n");
  await until(`${user} says ${wanted.join(" and ")}`, () => {
    return wanted.every((text) => said().includes(text));
  }).catch((error) => {
    throw new Error(`${error.message}; it says: ${said() || "nothing"}`);
  });
  await acls.grant({ [user]: grants });
  await inTime(working, `${user} goes on`);
  await until(`${user} is ready`, () => worker.health.ready().ready);
  // Whose settings may not be read is a line of its own at each start, for whatever topics there are.
  const own = lines.slice(before).filter((line) =>
    line.includes(`User:${user} `) && !line.includes("DescribeConfigs")
  );
  // The lane and the member of the group each say it once.
  assert(
    own.length >= 1 && own.length <= grants.length + 1,
    `${own.length} lines for ${wanted.join(", ")}:\n${own.join("")}`,
  );
}

/** Takes effect when a session starts: a lane that is at work needs none of them. */
const onlyAtStart = new Set([
  "Read onceflow.lanes",
  "Read onceflow.invoicing.attempts",
  "Read onceflow.invoicing.state",
]);

/** A flow for each of these grants, which lacks just that one: all at the same time. Those of `stateRow` keep state. */
export async function takenFromFlows(
  broker: OwnBroker,
  acls: Acls,
  row: readonly Grant[],
  stateRow: readonly Grant[],
): Promise<void> {
  const flows = [...row, ...stateRow].map((lacking, index) => {
    const name = `case-${index}`;
    const own = ({ name: documented, ...grant }: Grant): Grant => ({
      ...grant,
      name: documented.replace("onceflow.invoicing", `onceflow.${name}`)
        .replace(/^orders/, name).replace(/^invoices$/, `${name}.out`),
    });
    const id = `${lacking.operation} ${lacking.name}`;
    const keepsState = stateRow.includes(lacking);
    const grants = keepsState ? [...row, ...stateRow] : row;
    return { id, name, keepsState, lacking: own(lacking), grants: grants.map(own) };
  });
  const spec = { partitions: 1, replicationFactor: 1 };
  await ensureTopics(
    broker.client,
    flows.flatMap(({ name, keepsState }) => [
      ...[name, `${name}.out`, `${name}.DLQ`].map((topic) => ({ topic, ...spec })),
      ...keepsState
        ? [{ topic: `onceflow.${name}.state`, ...spec, config: compactedTopicConfig }]
        : [],
    ]),
  );
  await acls.grant(Object.fromEntries(flows.map(({ name, grants }) => [`flow-${name}`, grants])));
  await Promise.all(flows.map(async ({ id, name, keepsState, lacking }) => {
    const worker = keepsState ? countingAtWork(broker, name) : flowAtWork(broker, name);
    worker.start();
    await worker.work();
    if (!onlyAtStart.has(id)) await takeAway(acls, worker, [lacking], "running");
    await takeAway(acls, worker, [lacking], "starting");
    await worker.stop();
  }));
}

const read = z.object({ id: z.string() });
const key = ({ id }: { id: string }) => id;

function flowAtWork(broker: OwnBroker, name: string): Worker {
  const out = topic(`${name}.out`, { read, key });
  return atWork(
    broker,
    defineFlow({
      ...{ name, from: topic(name, { read, key }), to: [out], deadLetters: `${name}.DLQ` },
      transform: (event) => out.event(event),
    }),
  );
}

/** Its state says how many it has seen; `work` resolves only if none was lost or counted twice. */
function countingAtWork(broker: OwnBroker, name: string): Worker {
  const out = topic(`${name}.out`, { read: z.object({ id: z.string(), seen: z.int() }), key });
  const worker = atWork(
    broker,
    defineFlow({
      ...{ name, from: topic(name, { read, key }), to: [out], deadLetters: `${name}.DLQ` },
      state: keyedState({ read: z.object({ seen: z.int() }) }),
      transform({ id }, { state }) {
        const seen = (state.get()?.seen ?? 0) + 1;
        state.set({ seen });
        return out.event({ id, seen });
      },
    }),
  );
  return {
    ...worker,
    async work() {
      await worker.work();
      const values = (await readPartition(broker.client, `${name}.out`)).map(({ value }) =>
        JSON.parse(new TextDecoder().decode(value ?? undefined)).seen
      );
      assertEquals(values, values.map((_, n) => n + 1));
    },
  };
}

function atWork(broker: OwnBroker, flow: AnyFlow): Worker {
  const { name } = flow;
  const health = createHealth();
  let done = 0;
  let stop = new AbortController();
  let running = Promise.resolve();
  return {
    user: `flow-${name}`,
    health,
    async work() {
      const wanted = done + 2;
      // One of them is a dead letter.
      await produce(broker.client, [
        record(name, 0, "a", { id: "a" }),
        record(name, 0, "b", "no JSON"),
      ]);
      await until(`${name} has done its work`, () => done >= wanted);
    },
    start() {
      stop = new AbortController();
      const observer = { committed: ({ records }: { records: number }) => void (done += records) };
      running = runFlow(broker.as(`flow-${name}`), flow, stop.signal, {
        ...{ health, observer, sessionTimeoutMs: 6_000 },
      });
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
}
