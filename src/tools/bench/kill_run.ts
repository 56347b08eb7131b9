/** One guarantee while its worker is killed again and again: a steady load, and an eye that counts what came of each order. */
import { delay, doneWithin, unlessAborted } from "../../engine/core/delay.ts";
import type { Guarantee } from "../../config.ts";
import { openPlainProducer } from "../../engine/kafka/plain_producer.ts";
import { numberOfKey } from "./bench_event.ts";
import { type BenchContext, ownProcess } from "./context.ts";
import { inputRecord } from "./fill_topic.ts";
import { KillWatch } from "./kill_watch.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { startLoad } from "./run_load.ts";

/** What came of the orders of one guarantee. */
export interface KillRun {
  readonly guarantee: Guarantee;
  /** Sent in all. */
  readonly orders: number;
  readonly kills: number;
  readonly twice: number;
  /** Undefined where some were still on their way when the time was over: they are not lost for that. */
  readonly never: number | undefined;
  /** From a kill until the orders of every partition were timely again; of those kills after which they were. */
  readonly catchUpMs: readonly number[];
}

const partitions = 4;
/** Every second kill comes at some moment of this time after the worker has caught up. */
const pauseMs = { least: 300, most: 1_300 };
/** On a busy machine a worker may never catch up: it is killed all the same when it has worked for this long. */
const catchUpMsMax = 3_000;
/** For the first start of a worker. */
const startSecondsMax = 30;
const endMsMax = 120_000;

/** Ends after the kills of the plan, each of a worker that had begun to work again, or when the time of the plan is over. */
export async function killRun(
  context: BenchContext,
  guarantee: Guarantee,
  sessionTimeoutMs: number,
): Promise<KillRun> {
  const { plan, signal } = context;
  await using probe = await context.openProbe();
  const name = `kills-${guarantee}`;
  const input = await context.topic(`${name}.in`, partitions);
  const output = await context.topic(`${name}.out`, partitions);
  const count = plan.killRate * (startSecondsMax + plan.killSecondsMax);
  const watch = new KillWatch(count, partitions);
  const following = await probe.follow(output, (key, at) => watch.see(numberOfKey(key), at));
  const job = context.job({
    input,
    output,
    group: name,
    guarantee,
    partitions,
    session_timeout_ms: sessionTimeoutMs,
  });
  const start = () => {
    const working = Promise.withResolvers<void>();
    const child = new MeasuredProcess(ownProcess("flow_child.ts"), job, () => working.resolve());
    return { child, working: working.promise };
  };
  let worker = start();
  const catchUpMs: number[] = [];
  let kills = 0;
  try {
    await openFor(context, input, count);
    await using load = await startLoad(context, {
      topic: input,
      partitions,
      rate: plan.killRate,
      from: 0,
      count,
    });
    watch.begin(load.dueMicros);
    await doneWithin(unlessAborted(worker.working, signal), startSecondsMax * 1_000);
    const over = AbortSignal.any([signal, AbortSignal.timeout(plan.killSecondsMax * 1_000)]);
    let since = nowMicros();
    while (true) {
      // Every second one hits a worker at its first commit, in the middle of what came in while there was none: records
      // of at-most-once are lost between its commit and its send, a short time that is longer for many records.
      const isSteady = kills % 2 === 0 || kills === plan.kills;
      const patience = new AbortController();
      const caughtUp = watch.caughtUp(since, AbortSignal.any([over, patience.signal]));
      const works = await unlessAborted(worker.working, over).then(() => true, () => false);
      const timer = setTimeout(() => patience.abort(), works && isSteady ? catchUpMsMax : 0);
      const at = await caughtUp.finally(() => clearTimeout(timer));
      if (at !== undefined && kills > 0) catchUpMs.push((at - since) / 1_000);
      if (!works || kills === plan.kills) break;
      const pause = isSteady ? pauseMs.least + Math.random() * (pauseMs.most - pauseMs.least) : 0;
      if (pause > 0 && !await delay(pause, over).then(() => true, () => false)) break;
      worker.child.kill("SIGKILL");
      since = nowMicros();
      kills++;
      await worker.child.ended;
      worker = start();
    }
    signal.throwIfAborted();
    await load[Symbol.asyncDispose]();
    const { count: orders } = await load.sent;
    const isSettled = await watch.settled(
      orders,
      AbortSignal.any([signal, AbortSignal.timeout(endMsMax)]),
    );
    signal.throwIfAborted();
    const { twice, never } = watch.count(orders);
    return { guarantee, orders, kills, twice, never: isSettled ? never : undefined, catchUpMs };
  } finally {
    await worker.child[Symbol.asyncDispose]();
    await following.stop().catch(() => {});
    if (!signal.aborted) await Promise.all([input, output].map((topic) => context.drop(topic)));
  }
}

/**
 * Until the new topic takes records: a busy broker leads it some time after it was made, and the load must not fail. What
 * is written for that has numbers that no order has.
 */
async function openFor(
  { client, signal }: BenchContext,
  topic: string,
  from: number,
): Promise<void> {
  const records = Array.from(
    { length: 16 * partitions },
    (_, index) => inputRecord(topic, from + index, { partitions }),
  );
  const limit = performance.now() + startSecondsMax * 1_000;
  while (true) {
    try {
      // One that has failed is of no use any more.
      await using producer = await openPlainProducer(client);
      return await producer.send(records);
    } catch (error) {
      if (performance.now() > limit) throw error;
      await delay(200, signal);
    }
  }
}

function nowMicros(): number {
  return (performance.timeOrigin + performance.now()) * 1_000;
}
