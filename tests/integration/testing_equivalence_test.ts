/** `testFlow` against the engine on a real Kafka: the same thousand random records, the same outputs and dead letters. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import {
  defineFlow,
  type Flow,
  keyedState,
  PoisonError,
  topic,
  TransientError,
} from "../../src/engine/mod.ts";
import { testFlow } from "../../src/engine/testing/mod.ts";
import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import { type InputRecord, type OutputRecord, textHeader } from "../../src/engine/core/record.ts";
import { seededRandom } from "../../src/tools/torture/random.ts";
import { assertEquals, assertGreater, assertGreaterOrEqual } from "../support/assert.ts";
import { freshTopics, produce, readPartition, testClient } from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const seed = "20260713";
const partitions = 3;
const count = 1_000;
/** Small, so that outputs which are too large cost little. */
const recordBytesMax = 8_000;

const event = z.object({
  key: z.string(),
  n: z.int(),
  does: z.enum(["nothing", "one", "many", "poison", "fail", "bug", "large", "misfit", "nowhere"]),
  times: z.int().default(0),
});
type Event = z.output<typeof event>;

function flowOf(name: string, source: string, [one = "", other = ""]: string[]) {
  const [first, second] = [one, other].map((to) =>
    topic(to, { read: event, key: ({ key }: Event) => key })
  );
  if (!first || !second) throw new Error("there are two");
  return defineFlow({
    name,
    from: topic(source, { read: event, key: ({ key }) => key }),
    to: [first, second],
    deadLetters: `${one}.DLQ`,
    retry: { retriesMax: 2, backoffMs: 1 },
    state: keyedState({ read: z.object({ seen: z.int() }) }),
    transform(event, { attempt, key, state }) {
      const seen = key === null ? 0 : (state.get()?.seen ?? 0) + 1;
      // What fails then must be forgotten again.
      if (key !== null) state.set({ seen });
      if (attempt <= event.times) throw new TransientError(`try ${attempt} of ${event.n}`);
      switch (event.does) {
        case "nothing":
          return;
        case "one":
          return first.event(event, { headers: { from: event.key, seen: String(seen) } });
        case "many":
          return [second.event(event), first.event({ ...event, n: -event.n }), second.event(event)];
        case "poison":
          throw new PoisonError(`${event.n} is bad`);
        case "fail":
          throw new TransientError(`${event.n} failed`);
        case "bug":
          throw new TypeError("undefined is not a function");
        case "large":
          return first.event({ ...event, key: event.key.padEnd(recordBytesMax, "x") });
        case "misfit":
          return first.event({ ...event, n: 1.5 });
        case "nowhere":
          return second.event(event, { partition: 99 });
        default:
          return event.does satisfies never;
      }
    },
  });
}

/** Records of few keys, so that failures of one are followed by others; some are no events at all. */
function randomRecords(source: string): OutputRecord[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, n) => {
    const key = `key-${random.integer(0, 60)}`;
    const does = random.integer(0, 3) > 0
      ? random.pick(["one", "many", "nothing"] as const)
      : random.pick(event.shape.does.options);
    const times = random.integer(0, 9) === 0 ? random.integer(1, 3) : 0;
    const value = JSON.stringify({ key, n, does, times, unknown: "ä€" });
    const odd = random.integer(0, 19);
    return {
      topic: source,
      partition: partitionForKey(key, partitions),
      key: odd === 0 ? null : key,
      value: odd === 1 ? null : odd === 2 ? Uint8Array.of(0xff, n % 256) : odd === 3 ? "{}" : value,
      headers: odd === 4 ? [textHeader("trace", `t${n}`), ["none", null], ["trace", null]] : [],
      timestamp: Date.now() - count + n,
    };
  });
}

/** What must be the same. The name of a parked key's queue is made anew each time. */
function contentOf({ partition, key, value, headers }: InputRecord) {
  const text = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString("latin1");
  return {
    ...{ partition, key: text(key), value: text(value) },
    headers: headers.map(([name, bytes]) => [
      name,
      name === "x-parked" ? text(bytes)?.replace(/^.*\//, "queue/") : text(bytes),
    ]),
  };
}

/** By topic, and there by key: lanes of several partitions write in any order. Dead letters by partition. */
function sorted(records: readonly InputRecord[], deadLetters: readonly InputRecord[]) {
  const byKey = Map.groupBy(records, ({ topic, key }) => `${topic} ${key}`);
  return {
    outputs: [...byKey].toSorted(([a], [b]) => a < b ? -1 : 1)
      .map(([key, ofKey]) => [key, ofKey.map(contentOf)]),
    deadLetters: deadLetters.map(contentOf),
  };
}

async function onKafka<T>(flow: Flow<T>) {
  const client = await testClient();
  const totals = await runUntil(client, flow, ({ records }) => records === count, {
    requestBytesMax: recordBytesMax,
    batchRecordsMax: 70,
    topicPartitions: partitions,
  });
  const read = async (name: string) => {
    const places = Array.from({ length: partitions }, (_, partition) => partition);
    return (await Promise.all(places.map((place) => readPartition(client, name, place)))).flat();
  };
  const outputs = await Promise.all(flow.to.map(({ name }) => read(name)));
  return {
    ...sorted(outputs.flat(), await read(flow.deadLetters)),
    retries: totals.retries,
    records: totals.records,
  };
}

async function inMemory<T>(flow: Flow<T>, given: readonly OutputRecord[]) {
  const { outputs, deadLetters, retries, records } = await testFlow(flow, {
    ...{ partitions, recordBytesMax, batchRecordsMax: 70 },
  }).givenRecords(...given);
  return {
    ...sorted(outputs, deadLetters.map(({ record }) => record)),
    retries: retries.length,
    records,
  };
}

Deno.test("testFlow answers what the engine writes, record for record", async () => {
  const client = await testClient();
  const [source = "", ...to] = await freshTopics(client, partitions, "in", "a", "b", "c", "d");
  const given = randomRecords(source);
  await produce(client, given);
  const passing = flowOf(`passing-${source}`, source, to.slice(0, 2));
  const parking = { ...flowOf(`parking-${source}`, source, to.slice(2)), park: "key" as const };
  await Promise.all([passing, parking].map(async (flow) => {
    const [real, tested] = await Promise.all([onKafka(flow), inMemory(flow, given)]);
    // Item by item: the difference of all of it would take minutes to show.
    for (const part of ["outputs", "deadLetters"] as const) {
      for (const [index, item] of real[part].entries()) assertEquals(tested[part][index], item);
      assertEquals(tested[part].length, real[part].length);
    }
    assertEquals(tested.records, real.records);
    // A run that is planned again on a busy machine tries again, too; its outputs count once.
    assertGreaterOrEqual(real.retries, tested.retries);
    assertGreater(real.outputs.length, 50);
    assertGreater(real.deadLetters.length, 100);
  }));
});
