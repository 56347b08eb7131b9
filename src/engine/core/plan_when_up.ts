/** Plans the records of a lane as soon as what its transform needs is there. Writes nothing. */
import { getLogger } from "../packages/logtape.ts";
import { systemClock } from "./clock.ts";
import type { CrashGuard } from "./crash_guard.ts";
import { DependencyDownError } from "./errors.ts";
import type { Flow } from "./flow.ts";
import type { LaneObserver } from "./lane_observer.ts";
import type { LaneOptions } from "./lane_options.ts";
import type { ParkedKeys } from "./parking.ts";
import { type Plan, planBatch } from "./plan_batch.ts";
import type { PlanTarget } from "./plan_target.ts";
import type { Assignment } from "./ports.ts";
import type { InputRecord } from "./record.ts";
import { backoffMs } from "./retry_policy.ts";

/** What planning needs of a lane. */
export interface PlanningLane<T> {
  readonly flow: Flow<T>;
  readonly assignment: Assignment;
  readonly target: PlanTarget;
  readonly options: LaneOptions;
  readonly observer: LaneObserver;
  readonly guard: CrashGuard | undefined;
}

const log = getLogger(["onceflow", "core", "lane"]);

/** Plans, waiting for as long as a dependency is down: no record is blamed for it. */
export async function planWhenUp<T>(
  lane: PlanningLane<T>,
  records: readonly InputRecord[],
  parked: ParkedKeys | undefined,
): Promise<Plan> {
  const { flow, assignment: { signal }, target, options, observer } = lane;
  const { clock = systemClock } = options;
  let down: string | undefined;
  for (let attempt = 1;; attempt++) {
    try {
      // A plan that was given up leaves nothing behind: each attempt starts from the committed state of the keys.
      const kept = { parking: parked?.plan(), state: options.state?.plan() };
      const context = { signal, clock, onRetry: observer.retrying, ...kept };
      const plan = await planBatch(flow, records, target, context);
      if (down !== undefined) observer.dependency?.(down, true);
      return plan;
    } catch (error) {
      if (!(error instanceof DependencyDownError) || signal.aborted) throw error;
      if (down === undefined) {
        // It may take long, and somebody may start the process anew meanwhile.
        if (records[0]) await lane.guard?.survived(records[0].offset);
        log.warn("{dependency} is down: {reason}; waiting, no record is given up", {
          dependency: error.dependency,
          reason: error.message,
        });
      }
      observer.dependency?.(down = error.dependency, false);
      const pauseMs = backoffMs(attempt, 100, options.dependencyBackoffMsMax, clock.random);
      await clock.delay(pauseMs, signal);
    }
  }
}
