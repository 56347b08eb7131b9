/** Tests one flow without a broker: records in, and what must come of them. The flow runs when the test is awaited. */
import type { Flow } from "../core/flow.ts";
import type { InputRecord } from "../core/record.ts";
import type { TopicContract } from "../core/topic_contract.ts";
import type { DeadLetter } from "../dead_letters/read_dead_letter.ts";
import {
  asExpected,
  asRead,
  type Check,
  checkHere,
  equalOrSay,
  type ExpectedDeadLetter,
} from "./expectations.ts";
import type { GivenRecord } from "./given_record.ts";
import { type FlowWork, type MemoryLog, memoryLog, type MemoryLogOptions } from "./memory_log.ts";

/** What came of the records. */
export interface FlowResult extends FlowWork {
  /** All that was written to the topics of `to`, as records, topic by topic in the order of their partitions. */
  readonly outputs: readonly InputRecord[];
  /** What could not be processed, with what the headers say, in the order of the partitions. */
  readonly deadLetters: readonly DeadLetter[];
  /** The events of one topic. Throws a PoisonError where one cannot be read. */
  events<T>(contract: TopicContract<T>): readonly T[];
  /** The log that it ran on: for more records, another run, a redrive. */
  readonly log: MemoryLog;
}

/**
 * A test of one flow; see {@linkcode testFlow}. Awaiting it lets the flow work on what was given, checks what is expected,
 * and answers with the {@linkcode FlowResult}. It rejects with an `AssertionError` that shows the difference, or with the
 * `HaltError` of a transform.
 */
export interface FlowTest<T> extends PromiseLike<FlowResult> {
  /**
   * Events for the flow's input, as its own contract writes them. Throws what the schema says where one does not fit, and a
   * TypeError where the flow reads several topics: `givenRecords(parcels.event(...))` names one.
   */
  given(...events: readonly T[]): FlowTest<T>;
  /** Records for the flow's input: bytes that are no event, headers, tombstones, keys of their own. */
  givenRecords(...records: readonly GivenRecord[]): FlowTest<T>;
  /** Exactly these events must be on that topic, in this order. */
  expect<O>(contract: TopicContract<O>, events: readonly O[]): FlowTest<T>;
  /** Exactly these must be the dead letters, in this order; of each only what is said here is looked at. */
  expectDeadLetters(expected: readonly ExpectedDeadLetter[]): FlowTest<T>;
  /** Records are tried again so many times, together. */
  expectRetries(count: number): FlowTest<T>;
  /** Nothing else is written: no topic without an `expect` has events, and there are no dead letters unless expected. */
  expectNothingElse(): FlowTest<T>;
}

/**
 * A test of one flow without a broker, in milliseconds: its own lane plans, retries, dead-letters and parks as in production, over
 * a log in memory, and pauses take no time.
 *
 * @example
 * ```ts ignore
 * await testFlow(labelling)
 *   .given({ parcel_id: "a", items: 2 }, { parcel_id: "b", items: 0 })
 *   .expect(labels, [{ parcel_id: "a", weight_g: 500 }])
 *   .expectDeadLetters([{ errorClass: "PoisonError", key: "b" }])
 *   .expectNothingElse();
 * ```
 */
export function testFlow<T>(flow: Flow<T>, options: MemoryLogOptions = {}): FlowTest<T> {
  const log = memoryLog(options);
  const checks: Check<FlowResult>[] = [];
  const checked = new Set<string>();
  let running: Promise<FlowResult> | undefined;
  const of = `flow "${flow.name}"`;

  /** Adds to the test, which must not have begun. */
  function add(step: () => void): FlowTest<T> {
    if (running) throw new Error(`The test of ${of} has run already: begin another testFlow`);
    step();
    return test;
  }

  async function run(): Promise<FlowResult> {
    const result = resultOf(flow, log, await log.run(flow));
    for (const check of checks) check(result);
    return result;
  }

  function givenRecords(...records: readonly GivenRecord[]): FlowTest<T> {
    return add(() => {
      for (const record of records) log.appendRecords(inputOf(flow, record), record);
    });
  }

  const test: FlowTest<T> = {
    given: (...events) => givenRecords(...events.map((event) => flow.from.event(event))),
    givenRecords,
    expect: (contract, events) =>
      add(() => {
        if (!flow.to.some(({ name }) => name === contract.name)) {
          throw new TypeError(
            `Cannot expect events on ${contract.name}: ${of} does not write there`,
          );
        }
        checked.add(contract.name);
        const what = `The events on ${contract.name} are not those that were expected of ${of}`;
        checks.push(checkHere(
          (result) => equalOrSay(result.events(contract), asRead(contract, events), what),
          test.expect,
        ));
      }),
    expectDeadLetters: (expected) =>
      add(() => {
        for (const { name } of flow.inputs) checked.add(flow.deadLettersOf(name));
        const what = `The dead letters of ${of} are not those that were expected`;
        checks.push(checkHere(
          ({ deadLetters }) => equalOrSay(asExpected(deadLetters, expected), expected, what),
          test.expectDeadLetters,
        ));
      }),
    expectRetries: (count) =>
      add(() => {
        const what = `The retries of ${of} are not as many as were expected`;
        checks.push(
          checkHere(({ retries }) => equalOrSay(retries.length, count, what), test.expectRetries),
        );
      }),
    expectNothingElse: () =>
      add(() => {
        const what = `${of[0]?.toUpperCase()}${of.slice(1)} has written what was not expected`;
        checks.push(checkHere(
          (result) => equalOrSay(elseOf(result, checked), {}, what),
          test.expectNothingElse,
        ));
      }),
    then: (fulfilled, rejected) => (running ??= run()).then(fulfilled, rejected),
  };
  return test;
}

/** @throws {TypeError} when the flow does not read it */
function inputOf<T>({ name: flow, inputs }: Flow<T>, { topic }: GivenRecord): string {
  const names = inputs.map(({ name }) => name);
  const [first = ""] = names;
  if (topic === undefined && names.length === 1) return first;
  if (topic !== undefined && names.includes(topic)) return topic;
  throw new TypeError(
    `Cannot give flow "${flow}" a record ${
      topic === undefined ? "without a topic" : `of ${topic}`
    }: ` +
      `it reads ${names.join(", ")}`,
  );
}

function resultOf<T>(flow: Flow<T>, log: MemoryLog, work: FlowWork): FlowResult {
  return {
    ...work,
    outputs: flow.to.flatMap(({ name }) => log.records(name)),
    deadLetters: log.deadLetters(flow),
    events: (contract) => log.events(contract),
    log,
  };
}

/** Of each topic. */
const recordsShownMax = 20;

/** By topic, what no expectation has looked at. */
function elseOf(
  { outputs, deadLetters }: FlowResult,
  checked: ReadonlySet<string>,
): Readonly<Record<string, readonly unknown[]>> {
  const unseen = [
    ...outputs.map((record) => ({ topic: record.topic, seen: textOf(record.value) })),
    ...deadLetters.map((letter) => ({
      topic: letter.record.topic,
      seen: asExpected([letter], [])[0],
    })),
  ].filter(({ topic }) => !checked.has(topic));
  return Object.fromEntries(
    [...Map.groupBy(unseen, ({ topic }) => topic)]
      .map((
        [topic, records],
      ) => [topic, records.slice(0, recordsShownMax).map(({ seen }) => seen)]),
  );
}

const decoder = new TextDecoder();

function textOf(value: Uint8Array | null): string | null {
  return value && decoder.decode(value);
}
