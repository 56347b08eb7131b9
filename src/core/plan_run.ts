/** Decides what a run of records becomes as a whole, in input order. Writes nothing: the lane acts on the plan. */
import { deadLetter, type DeadLetterReason } from "./dead_letter.ts";
import type { Flow } from "./flow.ts";
import { partitionForKey } from "./partition_for_key.ts";
import { type PlanContext, type Planned, planRecord } from "./plan_record.ts";
import { encodedBytes, encodedBytesMax, type InputRecord, type OutputRecord } from "./record.ts";
import type { Emission } from "./topic_contract.ts";

/** What is known of the topics that are written to. */
export interface PlanTarget {
  readonly partitionCount: (topic: string) => number;
  /** An output over this is not sent; its input becomes a dead letter (KAFKAJS.md, row 16). */
  readonly recordBytesMax: number;
  /** No record is begun after this long; the rest waits for the next transaction. */
  readonly planMsMax: number;
}

/** The plan of a run. */
export interface Plan {
  /** Outputs and dead letters, in the order of the records that they come from. */
  readonly outputs: readonly OutputRecord[];
  readonly deadLetters: number;
  /** How many records, from the first on, are planned. */
  readonly taken: number;
}

/**
 * Plans records from the first on. Records of one key are transformed one after the other; those of different keys at
 * the same time, where the transform is asynchronous.
 */
export async function planRun<T>(
  flow: Flow<T>,
  records: readonly InputRecord[],
  target: PlanTarget,
  context: Omit<PlanContext, "once">,
): Promise<Plan> {
  const planned: Planned[] = [];
  const pending = new Map<string, Promise<void>>();
  const startedAt = performance.now();
  const inner: PlanContext = { ...context, once: onceByName() };
  let taken = 0;
  try {
    for (const record of records) {
      if (taken > 0 && performance.now() - startedAt > target.planMsMax) break;
      const index = taken++;
      const key = pending.size > 0 ? keyOf(record) : undefined;
      const before = key === undefined ? undefined : pending.get(key);
      const outcome = before
        ? before.then(() => planRecord(flow, record, inner))
        : planRecord(flow, record, inner);
      if (!(outcome instanceof Promise)) {
        planned[index] = outcome;
        continue;
      }
      const name = key ?? keyOf(record);
      const done = outcome.then((result) => {
        planned[index] = result;
        if (pending.get(name) === done) pending.delete(name);
      });
      pending.set(name, done);
      if (pending.size >= flow.concurrencyMax) await Promise.race(pending.values());
    }
    await Promise.all(pending.values());
  } catch (error) {
    // Let the others end before the lane goes on: nothing of this plan may run beside the next one.
    await Promise.allSettled(pending.values());
    throw error;
  }
  return gather(flow, records, planned, taken, target);
}

function gather<T>(
  flow: Flow<T>,
  records: readonly InputRecord[],
  planned: readonly Planned[],
  taken: number,
  target: PlanTarget,
): Plan {
  const outputs: OutputRecord[] = [];
  let deadLetters = 0;
  for (let index = 0; index < taken; index++) {
    const record = records[index];
    const outcome = planned[index];
    if (!record || !outcome) throw new Error(`record ${index} of the run was not planned`);
    const written = outcome.kind === "emit"
      ? outcome.emissions.map((emission) => toOutput(emission, target))
      : [];
    const reason = outcome.kind === "emit" ? tooLarge(flow, written, target) : outcome.reason;
    if (reason) {
      deadLetters++;
      const topic = flow.deadLetters;
      outputs.push(
        deadLetter(record, reason, { topic, partitionCount: target.partitionCount(topic) }),
      );
    } else outputs.push(...written);
  }
  return { outputs, deadLetters, taken };
}

function toOutput({ topic, key, value, headers }: Emission, target: PlanTarget): OutputRecord {
  const partition = partitionForKey(key, target.partitionCount(topic));
  return { topic, partition, key, value, headers };
}

/** A record over the limit would be refused by the broker, and its whole batch with it. */
function tooLarge<T>(
  { groupId }: Flow<T>,
  written: readonly OutputRecord[],
  { recordBytesMax }: PlanTarget,
): DeadLetterReason | undefined {
  const large = written.find((record) =>
    encodedBytesMax(record) > recordBytesMax && encodedBytes(record) > recordBytesMax
  );
  if (!large) return undefined;
  const error = `the output for ${large.topic} has ${encodedBytes(large)} bytes, over the limit ` +
    `of ${recordBytesMax} (REQUEST_BYTES_MAX)`;
  return { errorClass: "RecordTooLargeError", error, attempts: 1, groupId };
}

const decoder = new TextDecoder();

function keyOf({ key, partition }: InputRecord): string {
  return key === null ? `partition ${partition}` : decoder.decode(key);
}

function onceByName(): PlanContext["once"] {
  const known = new Map<string, Promise<unknown>>();
  return <T>(name: string, look: () => Promise<T>): Promise<T> => {
    const found = known.get(name);
    // The name stands for one lookup, and so for one type.
    if (found) return found as Promise<T>;
    const result = look();
    known.set(name, result);
    result.catch(() => known.delete(name));
    return result;
  };
}
