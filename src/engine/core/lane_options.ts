/** What a lane is given beside its flow and its partition. Holds no code. */
import type { Clock } from "./clock.ts";
import type { CrashLog } from "./crash_guard.ts";
import type { FirstStart } from "./first_start.ts";
import type { Health } from "./health.ts";
import type { LaneStanding } from "./lane_board.ts";
import type { Parking } from "./parking.ts";
import type { BatchBounds } from "./ports.ts";
import type { LaneState } from "./state.ts";

/** Bounds of a lane. */
export interface LaneOptions extends BatchBounds {
  /** The longest pause before a dependency that is down is tried again, milliseconds. */
  readonly dependencyBackoffMsMax: number;
  /** Where the parked keys are kept, for a flow with `park: "key"`. */
  readonly parking?: Parking;
  /** The state of the partition's keys, for a flow that keeps some. */
  readonly state?: LaneState;
  /** Watches the topics that parked keys and state were loaded from; called at the start of each session. */
  readonly watchKept?: () => KeptWatch;
  /** Where to begin while the group has committed nothing; at the earliest record where absent. */
  readonly first?: FirstStart;
  /** Told what stands in the lane's way, as `lane:<topic>-<n>`. */
  readonly health?: Health;
  /** Where the lane writes how far it has come. */
  readonly standing?: LaneStanding;
  /** The clock for pauses; the process's own where absent. */
  readonly clock?: Clock;
  /** Checkpoints that outlive the process, to find a record that kills it. */
  readonly crashLog?: CrashLog;
}

/** Of one session. */
export interface KeptWatch extends Disposable {
  /** Fires with a TransactionError when what was loaded lies in no topic any more: it is to be loaded anew, or to halt. */
  readonly signal: AbortSignal;
}
