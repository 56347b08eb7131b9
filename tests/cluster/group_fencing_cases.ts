/** Cases of the argument in src/README.md, for clusters of either protocol: who may commit an offset of a group, and what the next owner reads of it. */
import { delay } from "../../src/engine/core/delay.ts";
import { transactionalId } from "../../src/engine/core/delivery.ts";
import {
  type AtomicWrite,
  TransactionError,
  type Transactions,
} from "../../src/engine/core/ports.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { nobody } from "../../src/engine/kafka/offset_admin.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { openTransactor, type TransactionStep } from "../../src/engine/kafka/transactor.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { copyFlow } from "../support/copy_flow.ts";
import { runGroupWorker } from "../support/group_worker.ts";
import { inTime } from "../support/in_time.ts";
import { freshTopics, jsons, produce, readPartition, record } from "../support/kafka.ts";

/** A flow from two partitions to two, with one event in each. */
export async function flowOfTwo(client: KafkaClient, name: string) {
  const [source = "", outTopic = ""] = await freshTopics(client, 2, name, "out");
  const flow = copyFlow(source, outTopic);
  await produce(client, [0, 1].map((n) => record(source, n, `k${n}`, { id: `k${n}` })));
  const outputs = async (): Promise<string[]> => {
    const [first, second] = [
      await readPartition(client, outTopic, 0),
      await readPartition(client, outTopic, 1),
    ];
    return jsons([...first, ...second]).map(({ id }) => id).sort();
  };
  return { client, flow, source, outTopic, outputs };
}

type Flow = Awaited<ReturnType<typeof flowOfTwo>>;

/** When the member that is held up goes on. */
type GoOn = "the next owner has committed" | "the next owner asks for the offset";

interface Meanwhile {
  readonly mutate?: (write: AtomicWrite) => AtomicWrite;
  readonly stableOffset?: Transactions["stableOffset"];
  /** What happens to the cluster meanwhile. */
  readonly beforeItGoesOn?: () => Promise<void>;
}

/**
 * A member is held up at that step of a transaction that moves the second partition; another member joins and is given that
 * partition; then the first goes on. The outputs once both partitions are committed and nothing is under way.
 */
export async function outputsWhenHeldUp(
  step: TransactionStep,
  goOn: GoOn,
  { client, flow, source, outputs }: Flow,
  { mutate = (write) => write, stableOffset, beforeItGoesOn }: Meanwhile = {},
): Promise<string[]> {
  const stop = new AbortController();
  const heldUp = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const heldEnded = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const nextCommitted = Promise.withResolvers<void>();
  let holding: "not yet" | "now" | "no more" = "not yet";
  const first = runGroupWorker(client, flow, stop.signal, {
    transactions: (engine) => ({
      ...bound(engine),
      async open(id, signal) {
        const transactor = await engine.open(id, signal);
        return {
          transactionalId: id,
          async commit(write) {
            const moves = write.offsets.some(({ partition }) => partition === 1);
            if (holding !== "not yet" || !moves) return await transactor.commit(write);
            holding = "now";
            try {
              await transactor.commit(mutate(write));
            } finally {
              holding = "no more";
              heldEnded.resolve();
            }
          },
          [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
        };
      },
    }),
    async onStep(at) {
      if (at !== step || holding !== "now") return;
      heldUp.resolve();
      await release.promise;
    },
    committer: (engine) => ({
      ready: (signal) => engine.ready(signal),
      takeOver: (lane, signal) => engine.takeOver(lane, signal),
      stableOffset: (lane, signal) => engine.stableOffset(lane, signal),
      commit: (plan) => engine.commit(plan),
      // The member does not wait as long for it as it might.
      pause: () => engine.pause(200),
      resume: (member, owned) => engine.resume(member, owned),
    }),
  });
  await inTime(heldUp.promise, "the first member is held up");
  const next = runGroupWorker(client, flow, stop.signal, {
    transactions: (engine) => ({
      ...bound(engine),
      stableOffset(...request) {
        asked.resolve();
        return (stableOffset ?? bound(engine).stableOffset)(...request);
      },
    }),
    observer: { committed: () => nextCommitted.resolve() },
  });
  try {
    await inTime(
      goOn === "the next owner has committed" ? nextCommitted.promise : asked.promise,
      goOn,
    );
    await beforeItGoesOn?.();
    release.resolve();
    await inTime(heldEnded.promise, "what was held up has ended");
    await inTime(untilCommitted(client, flow.groupId, source), "both partitions are committed");
    // While both are there: what a member has left open it ends itself.
    return await outputs();
  } finally {
    release.resolve();
    stop.abort();
    await Promise.all([first, next]);
  }
}

function bound(engine: Transactions): Transactions {
  return {
    open: (...request) => engine.open(...request),
    shutOut: (...request) => engine.shutOut(...request),
    stableOffset: (...request) => engine.stableOffset(...request),
  };
}

async function untilCommitted(client: KafkaClient, groupId: string, source: string): Promise<void> {
  await using transactions = createTransactions(client, { transactionTimeoutMs: 120_000 });
  for (const partition of [0, 1]) {
    const place = { topic: source, partition };
    while ((await transactions.stableOffset(groupId, place)).offset < 1) await delay(20);
  }
}

const once = ["k0", "k1"];

type Case = readonly [name: string, run: (client: KafkaClient) => Promise<void>];

/** All of them hold. */
export const fencingCases: readonly Case[] = [
  [
    "a commit of a generation that has passed is refused, and what was lost with it is done again",
    async (client) => {
      const flow = await flowOfTwo(client, "passed");
      const outputs = await outputsWhenHeldUp(
        "before-offsets",
        "the next owner has committed",
        flow,
      );
      assertEquals(outputs, once);
    },
  ],
  ["an offset that is pending when the partition moves is waited for", async (client) => {
    const flow = await flowOfTwo(client, "pending");
    assertEquals(
      await outputsWhenHeldUp("before-end-txn", "the next owner asks for the offset", flow),
      once,
    );
  }],
  ...(["before-send", "before-end-txn"] as const).map((until): Case => [
    `what a member left open that was killed ${until} is ended by the next one, at once`,
    async (client) => {
      const flow = await flowOfTwo(client, "killed");
      await leaveOpen(flow, until);
      assertEquals(await worked(flow, 2), once);
    },
  ]),
  [
    "an offset that was committed without a generation, by a release that knew none, is fenced",
    async (client) => {
      const flow = await flowOfTwo(client, "older");
      const { source, outTopic, outputs } = flow;
      const { groupId } = flow.flow;
      const place = { topic: source, partition: 1 };
      // It has planned, and sleeps.
      await using older = await openTransactor(client, transactionalId(groupId, place), {
        transactionTimeoutMs: 120_000,
      });
      assertEquals(await worked(flow, 2), once);
      const refused = await assertRejects(
        () =>
          older.commit({
            records: [record(outTopic, 1, "k1", { id: "k1" })],
            offsets: [{ groupId, ...place, offset: 1 }],
          }),
        TransactionError,
      );
      assertEquals(refused.verdict, "migrated");
      assertEquals(await outputs(), once);
    },
  ],
  ["an operator's offset is taken only while the group has no member", async (client) => {
    const flow = await flowOfTwo(client, "operator");
    const { groupId } = flow.flow;
    const place = { topic: flow.source, partition: 1 };
    const set = async (offset: number) => {
      await using transactor = await openTransactor(client, transactionalId(groupId, place), {
        transactionTimeoutMs: 120_000,
      });
      await transactor.commit({
        records: [],
        offsets: [{ groupId, ...place, offset }],
        member: nobody,
      });
    };
    let refused: TransactionError | undefined;
    await worked(flow, 2, async () => {
      refused = await assertRejects(() => set(0), TransactionError);
    });
    assertEquals(refused?.verdict, "left-behind");
    await set(0);
    await using transactions = createTransactions(client, { transactionTimeoutMs: 120_000 });
    assertEquals((await transactions.stableOffset(groupId, place)).offset, 0);
  }],
];

/** Leaves a transaction open under the id of the second partition, with an output and the offset of that partition. */
async function leaveOpen(
  { client, flow, source, outTopic }: Flow,
  until: TransactionStep,
): Promise<void> {
  await openAndLeave(
    client,
    transactionalId(flow.groupId, { topic: source, partition: 1 }),
    until,
    {
      records: [record(outTopic, 1, "k1", { id: "left open" })],
      offsets: [{ groupId: flow.groupId, topic: source, partition: 1, offset: 1 }],
    },
  );
}

async function openAndLeave(
  client: KafkaClient,
  id: string,
  until: TransactionStep,
  write: Parameters<Awaited<ReturnType<typeof openTransactor>>["commit"]>[0],
): Promise<void> {
  await using transactor = await openTransactor(client, id, {
    transactionTimeoutMs: 120_000,
    onStep(step) {
      if (step === until) throw new Error("killed here");
    },
  });
  await assertRejects(() => transactor.commit(write), TransactionError);
}

/** The outputs once a worker has committed so many records. */
async function worked(
  { client, flow, outputs }: Flow,
  recordsMin: number,
  whileItRuns: () => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const stop = new AbortController();
  const done = Promise.withResolvers<void>();
  let records = 0;
  const running = runGroupWorker(client, flow, stop.signal, {
    observer: {
      committed: (batch) => (records += batch.records) >= recordsMin && done.resolve(),
    },
  });
  await inTime(done.promise, "all is committed");
  await whileItRuns();
  stop.abort();
  await running;
  return await outputs();
}
