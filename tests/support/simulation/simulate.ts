/**
 * A schedule from a seed: workers of one group that crash, freeze, leave and come back while records arrive and a network
 * loses requests and answers. Then all is mended, and what readers of committed records see must be exactly the transform
 * of each partition, in order, with each dead letter once.
 */
import { z } from "zod";
import { DependencyDownError, PoisonError } from "../../../src/engine/core/errors.ts";
import { defineFlow } from "../../../src/engine/core/flow.ts";
import { namesIn } from "../../../src/engine/core/names.ts";
import { keyedState, type KeyState } from "../../../src/engine/core/keyed_state.ts";
import { topic } from "../../../src/engine/core/topic_contract.ts";
import { writtenBy } from "../../../src/engine/flow/flow_topics.ts";
import { stateTopicOf } from "../../../src/engine/state/state_changelog.ts";
import { Broker } from "./broker.ts";
import { lanesTopic } from "./checkpoints.ts";
import { findingsOf, readAll } from "./findings.ts";
import { type Event, event, Producer } from "./producer.ts";
import { type Mistake, Worker } from "./worker.ts";
import { type Host, World } from "./world.ts";

/** What a schedule showed. */
export interface Outcome {
  /** What is not as it must be, a line each. */
  readonly findings: readonly string[];
  /** How much of what can go wrong went wrong. */
  readonly crashes: number;
  readonly freezes: number;
  readonly generations: number;
  readonly deadLetters: number;
  readonly records: number;
  /** Requests that were sent: two runs of one seed have as many. */
  readonly requests: number;
}

const partitions = 3;
const workersMax = 3;
/** How long things go wrong, and how long all of it may take to end well then, milliseconds of virtual time. */
const troubleMs = 8_000;
const mendedMsMax = 60_000;

/** Runs the schedule of this seed, with a planted mistake where one is given. */
export async function simulate(seed: number, mistake: Mistake = {}): Promise<Outcome> {
  const world = new World(seed);
  const { random, time } = world;
  const halts: string[] = [];
  let isDown = false;
  const keepsCount = seed % 4 > 1;
  // Two inputs share the counts of their keys.
  const inputs = seed % 8 > 5 ? ["in", "also"] : ["in"];
  const output = topic<Event>("out", { read: event, key: ({ key }) => key });
  const flow = defineFlow({
    name: "simulated",
    from: inputs.map((name) => topic<Event>(name, { read: event, key: ({ key }) => key })),
    to: [output],
    retry: { retriesMax: 2, backoffMs: 100 },
    park: seed % 2 === 0 ? "key" : undefined,
    state: keepsCount ? keyedState({ read: z.object({ count: z.int() }) }) : undefined,
    transform(given, context) {
      const { attempt } = context;
      const event = keepsCount ? { ...given, count: countOn(context.state) } : given;
      if (isDown) throw new DependencyDownError("rates", "no route");
      if (event.does === "poison") throw new PoisonError("bad");
      if (event.does === "flaky" && attempt < 3) throw new Error("not yet");
      if (event.does === "none") return;
      const twice = { ...event, id: `${event.id}'` };
      return event.does === "two"
        ? [output.event(event), output.event(twice)]
        : output.event(event);
    },
  });
  const kept = [namesIn().parked, lanesTopic, stateTopicOf(flow)];
  const topics = [...inputs, ...writtenBy(flow), ...kept];
  const broker = new Broker(world, partitions, topics);
  const workers = new Map<Host, Worker>();
  const accidents = { crashes: 0, freezes: 0 };

  function start(): void {
    const host = world.host();
    const worker = new Worker(host, broker, flow, mistake, (error) => halts.push(String(error)));
    workers.set(host, worker);
    worker.run().catch((error) => halts.push(String(error)));
  }

  const active = () => [...workers.values()].filter(({ isActive }) => isActive);

  /** One thing that goes wrong, or right again. */
  function trouble(): void {
    const running = active();
    const kind = random.weighted(
      [
        { kind: "crash", weight: 3 },
        { kind: "freeze", weight: 3 },
        { kind: "leave", weight: 1 },
        { kind: "join", weight: 2 },
        { kind: "down", weight: 1 },
      ] as const,
    ).kind;
    if (kind === "join" || running.length === 0) {
      if (running.length < workersMax) start();
      return;
    }
    const worker = random.pick(running);
    if (kind === "crash") {
      accidents.crashes++;
      worker.host.crash();
      if (random.chance(0.7)) time.after(random.integer(10, 3_000), start);
    } else if (kind === "freeze") {
      accidents.freezes++;
      worker.host.freeze();
      time.after(random.integer(100, 6_000), () => worker.host.thaw());
    } else if (kind === "leave") {
      worker.stop().catch(() => {});
      if (random.chance(0.7)) time.after(random.integer(10, 2_000), start);
    } else {
      isDown = true;
      time.after(random.integer(100, 3_000), () => isDown = false);
    }
  }

  for (let count = random.integer(1, workersMax); count > 0; count--) start();
  world.network = mistake.network ?? random.pick([
    { lost: 0, late: 0, usualMsMax: 3 },
    { lost: 0.01, late: 0.05, usualMsMax: 10 },
    { lost: 0.03, late: 0.15, usualMsMax: 40 },
  ]);
  const input = new Producer(world, broker, inputs);
  for (let count = random.integer(2, 8); count > 0; count--) {
    const at = random.integer(100, troubleMs);
    time.after(at, trouble);
    // Most is to be seen where records come while partitions move.
    for (let bursts = random.integer(1, 2); bursts > 0; bursts--) {
      time.after(at + random.integer(0, 1_000), () => input.burst());
    }
  }
  for (let count = random.integer(2, 4); count > 0; count--) {
    time.after(random.integer(0, troubleMs), () => input.burst());
  }
  if (mistake.foreignOffset) {
    time.after(random.integer(1_000, troubleMs), () => {
      const place = { topic: "in", partition: random.integer(0, partitions - 1) };
      broker.commitForeign(place, broker.partition(place).range.end);
    });
  }
  if (mistake.lostOffsets) {
    time.after(random.integer(1_000, troubleMs), () => broker.forgetOffsets());
  }
  await time.pass(troubleMs);

  world.calm();
  isDown = false;
  // Those that were given up come back.
  while (active().length === 0) start();
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const places = inputs.flatMap((topic) => numbers.map((partition) => ({ topic, partition })));
  const ends = () => places.map((place) => broker.partition(place).range.end);
  const offsets = () => places.map((place) => broker.committedOffset(place).offset);
  const isDrained = () => ends().every((end, index) => offsets()[index] === end || end === 0);
  const until = time.now + mendedMsMax;
  while (!isDrained() && halts.length === 0 && time.now < until) await time.pass(1_000);
  // What wakes up last must not matter either.
  await time.pass(5_000);
  // A lane that meets the offset of somebody else, or none any more, halts, and that is right: then what it has done must
  // be a beginning. Offsets that were lost when all was done stay so.
  const hasStopped = mistake.lostOffsets
    ? halts.every(isOfOffsets)
    : mistake.foreignOffset && halts.length > 0 && halts.every(isOfOffsets);
  const findings = [
    ...hasStopped ? [] : halts.map((halt) => `a lane has halted: ${halt}`),
    ...hasStopped || isDrained()
      ? []
      : [`not all was worked on: offsets ${offsets()} of ${ends()}`],
    ...numbers.flatMap((partition) => findingsOf(broker, flow, partition, hasStopped)),
  ];
  const { generation } = broker.group;
  for (const worker of workers.values()) worker.end();
  await world.end();
  const deadLetters = places.flatMap(({ topic, partition }) =>
    readAll(broker, { topic: flow.deadLettersOf(topic), partition })
  );
  return {
    ...{
      findings,
      ...accidents,
      generations: generation,
      records: input.produced,
      requests: world.requests,
    },
    deadLetters: deadLetters.length,
  };
}

/** What an attempt that fails then has kept must be dropped with it. */
function countOn(state: KeyState<{ readonly count: number }>): number {
  const count = (state.get()?.count ?? 0) + 1;
  state.set({ count });
  return count;
}

const isOfOffsets = (halt: string) =>
  halt.includes("no worker of onceflow has committed") || halt.includes("and now has none");
