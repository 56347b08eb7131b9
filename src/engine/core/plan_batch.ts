/** Decides what a batch of records becomes as a whole, in input order. Writes nothing: the lane acts on the plan. */
import { addOutputs, bounded, type BoundedTarget, bytesMaxOf } from "./add_outputs.ts";
import { deadLetter } from "./dead_letter.ts";
import type { DeadLettered } from "./dead_letter_log.ts";
import type { Flow } from "./flow.ts";
import type { ParkingPlan } from "./parking.ts";
import { planTransformBatch } from "./plan_transform_batch.ts";
import { type PlanContext, planRecord } from "./plan_record.ts";
import { passedOver, type Planned } from "./planned.ts";
import type { PlanTarget } from "./plan_target.ts";
import { isForAnother } from "./redriven_for.ts";
import type { InputRecord, OutputRecord } from "./record.ts";
import type { StatePlan } from "./state_plan.ts";

/** The plan of a batch. */
export interface Plan {
  /** Outputs and dead letters, in the order of the records that they come from. */
  readonly outputs: readonly OutputRecord[];
  readonly deadLetters: number;
  /** The records of those dead letters, and why. */
  readonly deadLettered: readonly DeadLettered[];
  /** Outputs of transforms: `outputs` without dead letters and the parked keys' entries. */
  readonly emitted: number;
  /** How many records, from the first on, are planned. */
  readonly taken: number;
  /** Both are to be told when the plan has been committed. */
  readonly parking?: ParkingPlan;
  readonly state?: StatePlan;
}

/** What planning a batch needs. */
export interface BatchContext extends Omit<PlanContext, "once"> {
  /** Decides which records are parked, for a flow with `park: "key"`. */
  readonly parking?: ParkingPlan;
}

/**
 * Plans records from the first on. Records of one key are transformed one after the other; those of different keys at
 * the same time, where the transform is asynchronous.
 */
export async function planBatch<T>(
  flow: Flow<T>,
  records: readonly InputRecord[],
  given: PlanTarget,
  context: BatchContext,
): Promise<Plan> {
  const target = bounded(flow, given);
  const inner: PlanContext = { ...context, once: onceByName() };
  const { transformBatch } = flow;
  if (transformBatch && records.length > 1) {
    const planned = await planTransformBatch(flow, transformBatch, records, target, inner);
    if (planned) return gather(flow, records, planned, records.length, target, context);
  }
  const planned: Planned[] = [];
  const pending = new Map<string, Promise<void>>();
  // Looked at for each record: `performance.now()` would cost a fiftieth of what the record costs.
  let startedAt = Date.now();
  let lookedAt = startedAt;
  const { parking, state } = context;
  const planOne = (record: InputRecord) =>
    parking || state ? planToTheEnd(flow, record, target, inner) : planRecord(flow, record, inner);
  const plan = (record: InputRecord) =>
    isForAnother(record, flow.groupId)
      ? passedOver
      : parking
      ? parking.guard(record, () => planOne(record))
      : planOne(record);
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
  return gather(flow, records, planned, taken, target, context);
}

/** As `planRecord`, with what is too large to be written as a dead letter already: parking and state must know. */
function planToTheEnd<T>(
  flow: Flow<T>,
  record: InputRecord,
  target: BoundedTarget,
  context: PlanContext,
): Planned | Promise<Planned> {
  const { state } = context;
  const written = (planned: Planned): Planned => {
    if (planned.kind === "dead-letter") return planned;
    const outputs: OutputRecord[] = [];
    const reason = addOutputs(flow, record, planned.emissions, target, outputs);
    return reason ? { kind: "dead-letter", reason } : { ...planned, outputs };
  };
  const check = (planned: Planned): Planned =>
    state ? state.settle(record, written(planned)) : written(planned);
  const planned = planRecord(flow, record, context);
  return planned instanceof Promise ? planned.then(check) : check(planned);
}

function gather<T>(
  flow: Flow<T>,
  records: readonly InputRecord[],
  planned: readonly Planned[],
  taken: number,
  target: BoundedTarget,
  { parking, state }: BatchContext,
): Plan {
  const outputs: OutputRecord[] = [];
  const deadLettered: DeadLettered[] = [];
  let emitted = 0;
  for (let index = 0; index < taken; index++) {
    const record = records[index];
    const outcome = planned[index];
    if (!record || !outcome) throw new Error(`record ${index} of the batch was not planned`);
    const before = outputs.length;
    const reason = outcome.kind === "dead-letter"
      ? outcome.reason
      : outcome.outputs
      ? void append(outputs, outcome.outputs)
      : addOutputs(flow, record, outcome.emissions, target, outputs);
    if (reason) {
      deadLettered.push({ record, reason });
      const topic = flow.deadLettersOf(record.topic);
      const destination = {
        topic,
        partitionCount: target.partitionCount(topic),
        recordBytesMax: bytesMaxOf(topic, target),
      };
      outputs.length = before;
      outputs.push(deadLetter(parking?.numbered(record) ?? record, reason, destination));
    } else emitted += outputs.length - before;
  }
  if (parking) append(outputs, parking.entries());
  if (state) append(outputs, state.entries());
  return {
    outputs,
    deadLetters: deadLettered.length,
    deadLettered,
    emitted,
    taken,
    parking,
    state,
  };
}

/** One by one: as arguments of one call, some hundred thousand are too many. */
function append<R>(list: R[], more: Iterable<R>): void {
  for (const one of more) list.push(one);
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
