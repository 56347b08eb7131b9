/** Decides what one record becomes: its outputs, or a dead letter. Retries; writes nothing. */
import { type Clock, systemClock } from "./clock.ts";
import { DependencyDownError, HaltError, PoisonError } from "./errors.ts";
import type { Emission } from "./emission.ts";
import type { Emissions, Flow } from "./flow.ts";
import type { InputRecord, UnreadRecords } from "./record.ts";
import { RecordContext } from "./record_context.ts";
import type { Planned } from "./planned.ts";
import { backoffMs } from "./retry_policy.ts";
import type { StatePlan } from "./state_plan.ts";

/** What planning one record needs. */
export interface PlanContext {
  readonly signal: AbortSignal;
  readonly once: <T>(name: string, look: () => Promise<T>) => Promise<T>;
  /** The clock for pauses before retries; the process's own where absent. */
  readonly clock?: Clock;
  /** Where the flow keeps state. */
  readonly state?: StatePlan;
  readonly onRetry?: (record: InputRecord, attempt: number, error: unknown) => void;
}

/**
 * Runs the transform on one record. Answers at once where the transform does, so that a batch of synchronous transforms
 * costs no promise a record.
 *
 * @throws {DependencyDownError} when the transform says so; the caller waits and plans again
 */
export function planRecord<T>(
  flow: Flow<T>,
  record: InputRecord,
  context: PlanContext,
): Planned | Promise<Planned> {
  const read = readEvent(flow, record);
  if ("kind" in read) return read;
  const { event } = read;
  try {
    const emissions = runTransform(flow, event, record, 1, context);
    if (!(emissions instanceof Promise)) return emit(emissions);
    return emissions.then(emit, (error) => afterFailure(flow, event, record, error, context));
  } catch (error) {
    return afterFailure(flow, event, record, error, context);
  }
}

/** The event in a record, or that it is a dead letter. */
export function readEvent<T>(
  flow: Flow<T>,
  record: InputRecord,
): { readonly event: T } | Planned {
  if (record.unread !== undefined) return unreadLetter(flow, record.unread);
  try {
    return { event: flow.from.decode(record) };
  } catch (error) {
    if (!(error instanceof PoisonError)) throw error;
    return deadLetterOf(flow, record, error, 1);
  }
}

function runTransform<T>(
  flow: Flow<T>,
  event: T,
  record: InputRecord,
  attempt: number,
  { signal, once, state }: PlanContext,
): Emissions | Promise<Emissions> {
  const kept = state?.attempt(record);
  return flow.transform(event, new RecordContext(record, attempt, signal, once, kept));
}

async function afterFailure<T>(
  flow: Flow<T>,
  event: T,
  record: InputRecord,
  firstError: unknown,
  context: PlanContext,
): Promise<Planned> {
  let error = firstError;
  const { retriesMax, backoffMs: baseMs, backoffMsMax } = flow.retry;
  const { clock = systemClock } = context;
  for (let attempt = 1;; attempt++) {
    context.signal.throwIfAborted();
    if (error instanceof DependencyDownError || error instanceof HaltError) throw error;
    if (error instanceof PoisonError || attempt > retriesMax) {
      return deadLetterOf(flow, record, error, attempt);
    }
    context.onRetry?.(record, attempt, error);
    await clock.delay(backoffMs(attempt, baseMs, backoffMsMax, clock.random), context.signal);
    try {
      return emit(await runTransform(flow, event, record, attempt + 1, context));
    } catch (next) {
      error = next;
    }
  }
}

/** What a transform has answered, as a list. */
export function emit(emissions: Emissions): Planned {
  if (emissions === undefined) return { kind: "emit", emissions: [] };
  return {
    kind: "emit",
    emissions: isList(emissions) ? emissions : [emissions],
  };
}

function isList(emissions: Emission | readonly Emission[]): emissions is readonly Emission[] {
  return Array.isArray(emissions);
}

function unreadLetter<T>({ groupId }: Flow<T>, { reason }: UnreadRecords): Planned {
  const errorClass = "UnreadableBatchError";
  return { kind: "dead-letter", reason: { errorClass, error: reason, attempts: 1, groupId } };
}

function deadLetterOf<T>(
  { from, groupId }: Flow<T>,
  record: InputRecord,
  thrown: unknown,
  attempts: number,
): Planned {
  const { name, message } = thrown instanceof Error
    ? thrown
    : { name: "Error", message: String(thrown) };
  const error = from.redact?.(message, record) ?? message;
  return { kind: "dead-letter", reason: { errorClass: name, error, attempts, groupId } };
}
