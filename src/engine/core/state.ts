/** What a lane whose flow keeps state is given. Holds no code. */
import type { CommittedOffset } from "./ports.ts";
import type { StatePlan } from "./state_plan.ts";

/** The state of one partition, over all sessions of its lane. Lanes of several inputs share it by partition number. */
export interface LaneState extends Disposable {
  /**
   * To be called in each session, after fencing and before the first record is planned: reads what was committed.
   *
   * @throws {HaltError} when it is not what stood with the committed offset
   */
  load(committed: CommittedOffset, signal: AbortSignal): Promise<void>;
  /**
   * Waits until no other lane plans or commits what it has made of this state; to be disposed of after the commit.
   *
   * @throws {TransactionError} when another lane's commit has failed: whether it counts is known in the next session
   */
  hold(signal: AbortSignal): Promise<Disposable>;
  /** Begins one plan, while the state is held. */
  plan(): StatePlan;
  /** The commit of what was planned has failed: nothing is planned before somebody has loaded again. */
  doubt(): void;
  /** What is committed beside the offset, for `load` to compare; `keys` are those there are then, counted where it matters. */
  origin(keys: { readonly size: number }): string | undefined;
}
