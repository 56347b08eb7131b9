/** Decides what a run of records becomes as a whole, in input order. Writes nothing: the lane acts on the plan. */
import { deadLetter, type DeadLetterReason } from "./dead_letter.ts";
import type { Burial } from "./dead_letter_log.ts";
import type { Flow } from "./flow.ts";
import type { ParkingPlan } from "./parking.ts";
import { partitionForKey } from "./partition_for_key.ts";
import { type PlanContext, type Planned, planRecord } from "./plan_record.ts";
import { isForAnother } from "./redriven_for.ts";
import { encodedBytes, encodedBytesMax, type InputRecord, type OutputRecord } from "./record.ts";
import type { Emission } from "./topic_contract.ts";

/** What is known of the topics that are written to. */
export interface PlanTarget {
  readonly partitionCount: (topic: string) => number;
  /** An output over this is not sent; its input becomes a dead letter. */
  readonly recordBytesMax: number;
  /** What a topic itself takes, its `max.message.bytes`; undefined where it is not known. Dead letters must fit, too. */
  readonly topicBytesMax?: (topic: string) => number | undefined;
  /** No record is begun after this long; the rest waits for the next transaction. */
  readonly planMsMax: number;
}

/** The plan of a run. */
export interface Plan {
  /** Outputs and dead letters, in the order of the records that they come from. */
  readonly outputs: readonly OutputRecord[];
  readonly deadLetters: number;
  /** The records of those dead letters, and why. */
  readonly burials: readonly Burial[];
  /** Outputs of transforms: `outputs` without dead letters and the parked keys' entries. */
  readonly emitted: number;
  /** How many records, from the first on, are planned. */
  readonly taken: number;
  /** To be told when the plan has been committed. */
  readonly parking?: ParkingPlan;
}

/** What planning a run needs. */
export interface RunContext extends Omit<PlanContext, "once"> {
  /** Decides which records are parked, for a flow with `park: "key"`. */
  readonly parking?: ParkingPlan;
}

/** What was put back for another flow counts for nothing here: not for the order of a parked key either. */
const passedOver: Planned = { kind: "emit", emissions: [] };

/**
 * Plans records from the first on. Records of one key are transformed one after the other; those of different keys at
 * the same time, where the transform is asynchronous.
 */
export async function planRun<T>(
  flow: Flow<T>,
  records: readonly InputRecord[],
  given: PlanTarget,
  context: RunContext,
): Promise<Plan> {
  const target = bounded(flow, given);
  const planned: Planned[] = [];
  const pending = new Map<string, Promise<void>>();
  // Looked at for each record: `performance.now()` would cost a fiftieth of what the record costs.
  let startedAt = Date.now();
  let lookedAt = startedAt;
  const { parking } = context;
  const inner: PlanContext = { ...context, once: onceByName() };
  const plan = (record: InputRecord) =>
    isForAnother(record, flow.groupId)
      ? passedOver
      : parking
      ? parking.guard(record, () => planToTheEnd(flow, record, target, inner))
      : planRecord(flow, record, inner);
  let taken = 0;
  try {
    for (const record of records) {
      const now = Date.now();
      // A clock that is stepped back must not make the time that was spent forgotten.
      if (now < lookedAt) startedAt -= lookedAt - now;
      lookedAt = now;
      if (taken > 0 && now - startedAt > target.planMsMax) break;
      const index = taken++;
      const key = pending.size > 0 ? keyOf(record) : undefined;
      const before = key === undefined ? undefined : pending.get(key);
      const outcome = before ? before.then(() => plan(record)) : plan(record);
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
  return gather(flow, records, planned, taken, target, parking);
}

/** As `planRecord`, with what is too large to be written as a dead letter already: parking must know. */
function planToTheEnd<T>(
  flow: Flow<T>,
  record: InputRecord,
  target: BoundedTarget,
  context: PlanContext,
): Planned | Promise<Planned> {
  const check = (planned: Planned): Planned => {
    if (planned.kind === "dead-letter") return planned;
    const reason = addOutputs(flow, planned.emissions, target, []);
    return reason ? { kind: "dead-letter", reason } : planned;
  };
  const planned = planRecord(flow, record, context);
  return planned instanceof Promise ? planned.then(check) : check(planned);
}

function gather<T>(
  flow: Flow<T>,
  records: readonly InputRecord[],
  planned: readonly Planned[],
  taken: number,
  target: BoundedTarget,
  parking: ParkingPlan | undefined,
): Plan {
  const outputs: OutputRecord[] = [];
  const burials: Burial[] = [];
  let emitted = 0;
  for (let index = 0; index < taken; index++) {
    const record = records[index];
    const outcome = planned[index];
    if (!record || !outcome) throw new Error(`record ${index} of the run was not planned`);
    const before = outputs.length;
    const reason = outcome.kind === "emit"
      ? addOutputs(flow, outcome.emissions, target, outputs)
      : outcome.reason;
    if (reason) {
      burials.push({ record, reason });
      const topic = flow.deadLetters;
      const destination = {
        topic,
        partitionCount: target.partitionCount(topic),
        recordBytesMax: bytesMaxOf(topic, target),
      };
      outputs.length = before;
      outputs.push(deadLetter(parking?.numbered(record) ?? record, reason, destination));
    } else emitted += outputs.length - before;
  }
  if (parking) outputs.push(...parking.entries());
  return { outputs, deadLetters: burials.length, burials, emitted, taken, parking };
}

function toOutput({ topic, key, value, headers }: Emission, target: PlanTarget): OutputRecord {
  const partition = partitionForKey(key, target.partitionCount(topic));
  return { topic, partition, key, value, headers };
}

/**
 * Appends what a record emits to `outputs`. Answers with the reason where one of them is over the limit: the broker would
 * refuse it, and its whole batch with it.
 */
function addOutputs<T>(
  { groupId }: Flow<T>,
  emissions: readonly Emission[],
  target: BoundedTarget,
  outputs: OutputRecord[],
): DeadLetterReason | undefined {
  for (const emission of emissions) {
    const output = toOutput(emission, target);
    const error = encodedBytesMax(output) > target.bytesMaxOfAll && overLimit(output, target);
    if (error) return { errorClass: "RecordTooLargeError", error, attempts: 1, groupId };
    outputs.push(output);
  }
}

/** With the limit that holds for each topic of the flow, found once a run: few records need a closer look. */
interface BoundedTarget extends PlanTarget {
  readonly bytesMaxOfAll: number;
}

function bounded<T>({ to }: Flow<T>, target: PlanTarget): BoundedTarget {
  const limits = to.map(({ name }) => bytesMaxOf(name, target));
  return { ...target, bytesMaxOfAll: Math.min(target.recordBytesMax, ...limits) };
}

/** The largest record for this topic: what it takes, and what we send. */
function bytesMaxOf(topic: string, { recordBytesMax, topicBytesMax }: PlanTarget): number {
  return Math.min(recordBytesMax, topicBytesMax?.(topic) ?? Infinity);
}

/** Why this output is not sent, where it is over a limit. */
function overLimit(output: OutputRecord, target: PlanTarget): string | undefined {
  const bytes = encodedBytes(output);
  const limit = bytesMaxOf(output.topic, target);
  if (bytes <= limit) return undefined;
  const setting = limit < target.recordBytesMax
    ? `the topic's max.message.bytes`
    : "REQUEST_BYTES_MAX";
  return `the output for ${output.topic} has ${bytes} bytes, over the limit of ${limit} (${setting})`;
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
