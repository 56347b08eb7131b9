/** State of keys on a real broker: exact under faults at every step, and a halt where it is not what it was. */
import { ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { z } from "zod";
import { HaltError } from "../../src/engine/core/errors.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { keyedState } from "../../src/engine/core/keyed_state.ts";
import { TransactionError } from "../../src/engine/core/ports.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import type { RunFlowHooks } from "../../src/engine/flow/run_flow_options.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  recreateTopic,
  testClient,
} from "../support/kafka.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { keepingWhatFailed } from "../support/mutants/mutated_state.ts";
import { runUntil } from "../support/run_until.ts";

const keys = ["a", "b", "c", "d", "e"];

/** Counts the records of each key, whichever topic they come in. */
function counting(sources: readonly string[], outTopic: string) {
  const out = topic(outTopic, {
    read: z.object({ key: z.string(), count: z.int() }),
    key: ({ key }) => key,
  });
  return defineFlow({
    name: `count-${sources[0]}`,
    from: sources.map((name) =>
      topic(name, { read: z.object({ key: z.string() }), key: ({ key }) => key })
    ),
    to: [out],
    state: keyedState({ read: z.object({ count: z.int() }) }),
    transform({ key }, { state }) {
      const count = (state.get()?.count ?? 0) + 1;
      state.set({ count });
      return out.event({ key, count });
    },
  });
}

async function pipeline(partitions: number, inputs: number) {
  const client = await testClient();
  const names = Array.from({ length: inputs }, (_, index) => `steps-${index}`);
  const [outTopic = "", ...sources] = await freshTopics(client, partitions, "counts", ...names);
  const flow = counting(sources, outTopic);
  const round = sources.flatMap((source) =>
    keys.map((key, index) => record(source, index % partitions, key, { key }))
  );
  const write = (rounds: number) =>
    produce(client, Array.from({ length: rounds }, () => round).flat());
  const counts = async () => {
    const found = new Map<string, number[]>(keys.map((key) => [key, []]));
    for (let partition = 0; partition < partitions; partition++) {
      for (const { key, count } of jsons(await readPartition(client, outTopic, partition))) {
        found.get(key)?.push(count);
      }
    }
    return found;
  };
  const admin = new Kafka({ brokers: [...client.settings.brokers], logLevel: logLevel.NOTHING })
    .admin();
  const administer = async (act: () => Promise<unknown>) => {
    await admin.connect();
    await act();
    await admin.disconnect();
  };
  const topics = { source: sources[0] ?? "", state: `onceflow.${flow.name}.state` };
  return { client, flow, write, counts, admin, administer, topics };
}

type Counted = Awaited<ReturnType<typeof pipeline>>;

/** Until each key was counted so often, rightly or not. */
async function runUntilCounted(
  { client, flow, counts, rounds, hooks }: Pick<Counted, "client" | "flow" | "counts"> & {
    readonly rounds: number;
    readonly hooks?: RunFlowHooks;
  },
) {
  const stop = new AbortController();
  const running = runFlow(client, flow, stop.signal, { batchRecordsMax: 5 }, hooks);
  const counted = async () =>
    [...(await counts()).values()].every(({ length }) => length === rounds) || undefined;
  await Promise.race([waitFor(counted, { waitMsMax: 60_000 }), running]);
  stop.abort();
  await running;
}

Deno.test("faults at every step of transactions, two inputs, a member that leaves: each key is counted once each", async () => {
  const { client, flow, write, counts } = await pipeline(2, 2);
  const rounds = 10;
  const all = Array.from({ length: 2 * rounds }, (_, n) => n + 1);
  await write(rounds);
  const cutOff: string[] = [];
  const cutting = () => {
    let steps = 0;
    let next = 3;
    return (step: string) => {
      if (++steps < next) return;
      // Not always as many steps after the last fault, so that each kind of step has its turn.
      next = steps + 5 + cutOff.push(step) % 4;
      throw new TransactionError("unknown", "cut off by the test");
    };
  };
  const [leaves, stays] = [new AbortController(), new AbortController()];
  const shared = Promise.withResolvers<void>();
  const member = (signal: AbortSignal) =>
    runFlow(client, flow, signal, {
      batchRecordsMax: 4,
      onAssigned: (owned) => owned.length === 2 && shared.resolve(),
    }, { onStep: cutting() });
  const leaving = member(leaves.signal);
  const staying = member(stays.signal);
  const counted = (least: number) =>
    waitFor(async () => {
      const found = [...(await counts()).values()];
      return found.every(({ length }) => length >= least) || undefined;
    }, { waitMsMax: 60_000 });
  await Promise.race([Promise.all([shared.promise, counted(rounds)]), leaving, staying]);
  leaves.abort();
  await leaving;
  await Promise.race([counted(2 * rounds), staying]);
  stays.abort();
  await staying;
  for (const [key, found] of await counts()) assertEquals(found, all, key);
  assertEquals(new Set(cutOff).size >= 3, true, `cut off at ${cutOff}`);
});

Deno.test("processes that die at each step of a transaction: the next one goes on with the count that was committed", async () => {
  const { client, flow, write, counts } = await pipeline(1, 1);
  const steps = ["before-offsets", "before-send", "before-end-txn", "after-commit"];
  for (const step of steps) {
    await write(1);
    const death = new AbortController();
    await runFlow(client, flow, death.signal, {}, {
      onStep(at) {
        // Nothing of what follows is done, and nothing is taken back.
        if (at === step) death.abort();
        if (death.signal.aborted) throw new Error("dead");
      },
    });
  }
  await write(1);
  await runUntilCounted({ client, flow, counts, rounds: 5 });
  for (const [key, of] of await counts()) assertEquals(of, [1, 2, 3, 4, 5], key);
});

Deno.test("a state that keeps what a failed transaction has changed is found by its counts", async () => {
  const { client, flow, write, counts } = await pipeline(1, 1);
  await write(2);
  let cuts = 0;
  const onStep = (step: string) => {
    if (step === "before-end-txn" && cuts++ === 0) throw new TransactionError("unknown", "cut off");
  };
  for (
    const [hooks, rounds] of [[{ onStep }, 2], [{ onStep, state: keepingWhatFailed }, 4]] as const
  ) {
    cuts = 0;
    await runUntilCounted({ client, flow, counts, rounds, hooks });
    assertEquals(cuts > 0, true);
    const right = Array.from({ length: rounds }, (_, n) => n + 1).join();
    const wrong = [...(await counts()).values()].filter((of) => of.join() !== right);
    assertEquals(wrong.length > 0, "state" in hooks);
    await write(2);
  }
});

Deno.test("state that is gone halts, with what to do", async () => {
  const { client, flow, write, admin, administer, topics } = await pipeline(1, 1);
  const halt = async () => (await assertRejects(() => run(1), HaltError)).message;
  const run = (records: number, stateBytesMax?: number) =>
    runUntil(client, flow, (totals) => totals.records === records, {
      ...(stateBytesMax && { stateBytesMax }),
    });
  await write(1);
  await run(5);
  await write(1);
  const tooMuch = await assertRejects(() => run(5, 100), HaltError);
  assertStringIncludes(tooMuch.message, "over stateBytesMax (100)");

  const policy = (value: string) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{
        type: ConfigResourceTypes.TOPIC,
        name: topics.state,
        configEntries: [{ name: "cleanup.policy", value }],
      }],
    });
  const deleted = { topic: topics.state, partitions: [{ partition: 0, offset: "2" }] };
  await administer(async () => {
    await policy("delete");
    await admin.fetchTopicOffsets(topics.state); // deleteTopicRecords does not look for the leader itself
    await admin.deleteTopicRecords(deleted);
    await policy("compact");
  });
  assertStringIncludes(await halt(), "held 5 keys with that offset and now holds");

  await administer(() => admin.deleteTopics({ topics: [topics.state] }));
  assertStringIncludes(await halt(), "was deleted and recreated");

  await administer(() =>
    admin.createPartitions({ topicPartitions: [{ topic: topics.source, count: 2 }] })
  );
  assertStringIncludes(await halt(), "has 2 partitions and");
});

Deno.test("state whose topic is recreated halts the lane while it runs, although nothing comes", async () => {
  const { client, flow, write, topics } = await pipeline(1, 1);
  await write(1);
  const counted = Promise.withResolvers<void>();
  const observer = { committed: () => counted.resolve() };
  const running = runFlow(client, flow, AbortSignal.timeout(60_000), { observer }, {
    topicsLookMs: 50,
  });
  await Promise.race([counted.promise, running]);
  await recreateTopic(client, topics.state, { "cleanup.policy": "compact" });
  await assertRejects(() => running, HaltError, "was deleted and recreated");
});
