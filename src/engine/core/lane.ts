/**
 * One lane: the records of one partition, in order, through a flow, a plan for each batch.
 *
 * It works in sessions. A session starts by shutting out every earlier owner and reading the committed offset; it ends at
 * the first failure whose outcome is not known, and the next session's committed offset is that outcome. So the committed
 * outputs are always the transform of a prefix of the partition (the argument is in src/README.md).
 */
import { CrashGuard, CrashLoopError, type CrashVerdict } from "./crash_guard.ts";
import type { Delivery, DeliverySession } from "./delivery.ts";
import { DeadLetterLog } from "./dead_letter_log.ts";
import { laneStart } from "./first_start.ts";
import type { Flow } from "./flow.ts";
import { laneCheck } from "./health.ts";
import type { ParkedKeys } from "./parking.ts";
import type { Plan } from "./plan_batch.ts";
import { type PlanningLane, planWhenUp } from "./plan_when_up.ts";
import type { PlanTarget } from "./plan_target.ts";
import type { LaneObserver } from "./lane_observer.ts";
import { commitKnown, type Progress, resolve } from "./lane_progress.ts";
import type { LaneOptions } from "./lane_options.ts";
import { mayReopen, type SessionStage } from "./may_reopen.ts";
import type { Assignment, InputBatch } from "./ports.ts";
import type { InputRecord } from "./record.ts";
import { checkParked } from "./start_offset.ts";

/** All that stays the same from batch to batch. */
interface Lane<T> extends PlanningLane<T> {
  readonly progress: Progress;
  readonly deadLetters: DeadLetterLog;
}

/**
 * Runs until the assignment's signal fires, finishing or leaving the transaction in hand.
 *
 * @throws {HaltError} when going on would lose or double something
 */
export async function runLane<T>(
  flow: Flow<T>,
  assignment: Assignment,
  delivery: Delivery,
  target: PlanTarget,
  options: LaneOptions,
  observer: LaneObserver = {},
): Promise<void> {
  const progress: Progress = { known: -1, doubt: undefined, failures: 0 };
  const guard = options.crashLog && new CrashGuard(options.crashLog);
  const { health, clock } = options;
  const { reader } = assignment;
  const check = laneCheck(reader);
  using deadLetters = new DeadLetterLog(
    flow.deadLettersOf(reader.topic),
    reader,
    flow.from.hidesKey?.(reader),
  );
  const lane: Lane<T> = {
    ...{ flow, assignment, target, options, observer, progress, guard, deadLetters },
  };
  while (!assignment.signal.aborted) {
    let stage: SessionStage = "opening";
    try {
      await using session = await delivery.open(assignment, progress.known);
      stage = "working";
      health?.up(check, "opening");
      await runSession(lane, session);
    } catch (error) {
      if (assignment.signal.aborted) break;
      if (!await mayReopen(error, assignment, ++progress.failures, { health, stage, clock })) break;
    }
  }
  health?.remove(check);
}

async function runSession<T>(lane: Lane<T>, session: DeliverySession): Promise<void> {
  const { assignment: { reader, signal }, options, progress, observer } = lane;
  const { offset: start, first } = await laneStart(
    ...[lane.assignment, session, progress.known, options.first] as const,
  );
  const committed = session.start.offset;
  if (progress.doubt !== undefined) resolve(progress, committed, observer);
  progress.doubt = undefined;
  // Not `start`: where nothing was committed yet, the next session may find nothing either.
  progress.known = first ? -1 : committed;
  const { groupId } = lane.assignment;
  const { topic, partition } = reader;
  using kept = options.watchKept?.();
  // After fencing: nobody else can park or free a key of this partition from here on.
  const parked = await options.parking?.load({ groupId, topic, partition }, signal);
  if (parked) checkParked(lane.assignment, session.start, parked.topicId);
  await options.state?.load(session.start, signal);
  reader.seek(start);
  if (progress.unwritten === undefined) options.health?.up(laneCheck(reader), "working");
  if (options.standing) options.standing.position = start;
  // Before a record is read: after a crash the lane must find this start, and no other one.
  if (first) await commitKnown(lane, session, first, start);
  const reading = kept ? AbortSignal.any([signal, kept.signal]) : signal;
  while (!signal.aborted) {
    await processBatch(lane, session, await reader.next(options, reading), parked);
    if (progress.failures > 0) options.health?.up(laneCheck(reader), "working");
    progress.failures = 0;
  }
}

/** Plans and commits a batch; in several transactions where planning it takes long. */
async function processBatch<T>(
  lane: Lane<T>,
  session: DeliverySession,
  batch: InputBatch,
  parked: ParkedKeys | undefined,
): Promise<void> {
  const { assignment: { signal }, progress, observer } = lane;
  let rest = batch.records;
  // Until it is committed, a new session alone does not say that all is well.
  progress.unwritten = batch.nextOffset;
  do {
    const startedAt = performance.now();
    using _held = await lane.options.state?.hold(signal);
    const plan = await planGuarded(lane, rest, parked);
    const nextOffset = rest[plan.taken]?.offset ?? batch.nextOffset;
    const beside = {
      state: plan.parking?.size ? parked?.topicId : undefined,
      changelog: plan.state && lane.options.state?.origin(plan.state),
    };
    await commitKnown(lane, session, plan.outputs, nextOffset, beside).catch((error) => {
      lane.options.state?.doubt();
      throw error;
    });
    plan.parking?.committed();
    plan.state?.committed();
    lane.guard?.committed();
    if (lane.options.standing) lane.options.standing.position = nextOffset;
    if (plan.deadLettered.length > 0) {
      lane.deadLetters.tell(plan.deadLettered);
      observer.deadLettered?.(plan.deadLettered);
    }
    observer.committed?.({
      records: plan.taken,
      first: rest[0],
      outputs: plan.emitted,
      deadLetters: plan.deadLetters,
      ms: performance.now() - startedAt,
    });
    rest = rest.slice(plan.taken);
  } while (rest.length > 0 && !signal.aborted);
}

/** Plans what the crash guard allows: all records, the first alone, or the first as a dead letter. */
async function planGuarded<T>(
  lane: Lane<T>,
  records: readonly InputRecord[],
  parked: ParkedKeys | undefined,
): Promise<Plan> {
  const { guard } = lane;
  const [first] = records;
  if (!guard || !first) return await planWhenUp(lane, records, parked);
  const verdict = await guard.before(first.offset);
  // Whatever comes of it, the process is alive: what follows is not this record's doing.
  const survived = () => guard.survived(first.offset);
  const plan = await planAsJudged(lane, records, first, verdict, parked).catch(async (error) => {
    // What has failed is the error that counts.
    await survived().catch(() => {});
    throw error;
  });
  await survived();
  return plan;
}

function planAsJudged<T>(
  lane: Lane<T>,
  records: readonly InputRecord[],
  first: InputRecord,
  verdict: CrashVerdict,
  parked: ParkedKeys | undefined,
): Promise<Plan> {
  switch (verdict.kind) {
    case "all":
      return planWhenUp(lane, records, parked);
    case "alone":
      return planWhenUp(lane, [first], parked);
    case "dead-letter": {
      const flow = refusing(lane.flow, verdict.attempts);
      return planWhenUp({ ...lane, flow }, [first], parked);
    }
    default:
      return verdict satisfies never;
  }
}

/** The flow with a decoder that refuses: the record's own code is not run again. */
function refusing<T>(flow: Flow<T>, attempts: number): Flow<T> {
  const decode = () => {
    throw new CrashLoopError(`the process died in each of ${attempts} attempts at this record`);
  };
  return { ...flow, from: { ...flow.from, decode } };
}
