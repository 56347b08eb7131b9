/** What a lane whose flow keeps state is given. Holds no code. */
import type { CommittedOffset } from "./ports.ts";
import type { StatePlan } from "./state_plan.ts";

/** The state of one partition, over all sessions of its lane. */
export interface LaneState {
  /**
   * To be called in each session, after fencing and before the first record is planned: reads what was committed.
   *
   * @throws {HaltError} when it is not what stood with the committed offset
   */
  load(committed: CommittedOffset, signal: AbortSignal): Promise<void>;
  /** Begins one plan; all plans before it must be committed or dropped. */
  plan(): StatePlan;
  /** What is committed beside the offset, for `load` to compare; `keys` is how many there are then. */
  origin(keys: number): string | undefined;
  /** Frees its memory. */
  [Symbol.dispose](): void;
}
