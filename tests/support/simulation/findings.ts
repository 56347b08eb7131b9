/** Holds what readers of committed records see against the transform of each partition. */
import type { Flow } from "../../../src/engine/core/flow.ts";
import {
  formatPartition,
  headerText,
  type InputRecord,
  type TopicPartition,
} from "../../../src/engine/core/record.ts";
import { inputsOf } from "../../../src/engine/flow/flow_topics.ts";
import { stateTopicOf } from "../../../src/engine/state/state_changelog.ts";
import type { Broker } from "./broker.ts";
import type { Event } from "./producer.ts";

const everything = { recordsMax: Infinity, bytesMax: Infinity };

/** What a reader of committed records sees. */
export function readAll(broker: Broker, place: TopicPartition): readonly InputRecord[] {
  return broker.partition(place).read(0, everything).records;
}

/** What is lost, doubled or in another order, in outputs, dead letters and state of one partition number. */
export function findingsOf(
  broker: Broker,
  // deno-lint-ignore no-explicit-any -- of whatever events
  flow: Flow<any>,
  partition: number,
  isBeginning = false,
): string[] {
  const outputs = readAll(broker, { topic: "out", partition }).map(eventOf);
  const processed = new Map<string, number>();
  const upTo = (all: readonly string[], found: readonly string[]) =>
    isBeginning ? all.slice(0, found.length) : all;
  const findings = inputsOf(flow).flatMap((topic) => {
    const input = { topic, partition };
    const expected = expectedOf(readAll(broker, input), flow.park, processed);
    const found = outputs.map(({ id }) => id).filter((id) => id.startsWith(`${topic}-`));
    const dlq = { topic: flow.deadLettersOf(topic), partition };
    const letters = readAll(broker, dlq).map((record) =>
      `${eventOf(record).id} ${headerText(record.headers, "x-error-class")}`
    );
    return [
      ...differences(
        `the outputs of ${formatPartition(input)}`,
        found,
        upTo(expected.outputs, found),
      ),
      ...differences(formatPartition(dlq), letters, upTo(expected.letters, letters)),
    ];
  });
  if (!flow.state) return findings;
  const states = readAll(broker, { topic: stateTopicOf(flow), partition });
  const kept = new Map(
    states.map(({ key, value }) => [textOf(key), JSON.parse(textOf(value)).count]),
  );
  return [
    ...findings,
    ...countedTwice(outputs),
    ...isBeginning
      ? []
      : differences(`the state of ${partition}`, inWords(kept), inWords(processed)),
  ];
}

/** What must come of these records; `processed` counts those of each key, whichever input they are in. */
function expectedOf(
  records: readonly InputRecord[],
  park: "key" | undefined,
  processed: Map<string, number>,
) {
  const expected = { outputs: [] as string[], letters: [] as string[] };
  const parked = new Set<string>();
  for (const { key, id, does } of records.map(eventOf)) {
    if (parked.has(key)) expected.letters.push(`${id} ParkedKeyError`);
    else if (does === "poison") {
      expected.letters.push(`${id} PoisonError`);
      if (park) parked.add(key);
    } else {
      processed.set(key, (processed.get(key) ?? 0) + 1);
      expected.outputs.push(...does === "none" ? [] : does === "two" ? [id, `${id}'`] : [id]);
    }
  }
  return expected;
}

/** Each record has the number of those of its key up to it, in whichever input: later outputs have higher ones. */
function countedTwice(outputs: readonly Event[]): string[] {
  const highest = new Map<string, number>();
  return outputs.filter(({ id }) => !id.endsWith("'")).flatMap(({ id, key, count = 0 }) => {
    const before = highest.get(key) ?? 0;
    highest.set(key, count);
    return count > before
      ? []
      : [`${id} has count ${count} of ${key}, and one before it ${before}`];
  });
}

function inWords(counts: ReadonlyMap<string, number>): readonly string[] {
  return Array.from(counts, ([key, count]) => `${key}=${count}`).sort();
}

function differences(where: string, found: readonly string[], expected: readonly string[]) {
  if (found.join() === expected.join()) return [];
  const lost = expected.filter((item) => !found.includes(item));
  const invented = found.filter((item) => !expected.includes(item));
  const doubled = found.filter((item, index) => found.indexOf(item) !== index);
  const parts = [["lost", lost], ["doubled", doubled], ["not expected", invented]] as const;
  const said = parts.filter(([, items]) => items.length > 0)
    .map(([word, items]) => `${word}: ${items.join(", ")}`);
  return [`${where}: ${said.join("; ") || `the order is ${found.join(" ")}`}`];
}

function eventOf({ value }: InputRecord): Event {
  return JSON.parse(textOf(value));
}

function textOf(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? undefined);
}
