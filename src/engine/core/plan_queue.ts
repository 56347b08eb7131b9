/** The plans that wait for a transaction, and which of them go into the next one. Writes nothing. */
import type { LanePlan } from "./committer.ts";
import { TransactionError, type TransactionVerdict } from "./ports.ts";
import { encodedBytesMaxOfAll, formatPartition } from "./record.ts";

/** Bounds of one transaction, whatever waits. A single plan over them is a transaction of its own. */
export interface TransactionBounds {
  readonly recordsMax: number;
  readonly bytesMax: number;
}

/** A plan, and how its lane is told. */
export interface WaitingPlan extends LanePlan {
  readonly key: string;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Not one lane's fault. */
const ofAll: ReadonlySet<TransactionVerdict> = new Set(["migrated", "left-behind"] as const);

/** See the file's first line. */
export class PlanQueue {
  #waiting: WaitingPlan[] = [];
  /** Lanes of a transaction that failed: each commits alone until it has, so that one cannot hold up the others for ever. */
  readonly #alone = new Set<string>();

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Settles with the plan's transaction; rejects with the signal's reason when that fires before. */
  add(plan: LanePlan): Promise<void> {
    const { signal } = plan;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal.aborted) {
      reject(signal.reason);
      return promise;
    }
    const drop = () => {
      const index = this.#waiting.indexOf(waiting);
      // In a transaction already, it is that which decides.
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      reject(signal.reason);
    };
    const waiting = { ...plan, key: formatPartition(plan.offset), resolve, reject };
    signal.addEventListener("abort", drop, { once: true });
    this.#waiting.push(waiting);
    return promise.finally(() => signal.removeEventListener("abort", drop));
  }

  /** What goes into the next transaction, in the order in which it came. */
  take(bounds: TransactionBounds): WaitingPlan[] {
    const [first] = this.#waiting;
    if (!first || this.#waiting.length === 1 || this.#alone.has(first.key)) {
      return this.#waiting.splice(0, 1);
    }
    const taken: WaitingPlan[] = [];
    const left: WaitingPlan[] = [];
    let { recordsMax: recordsLeft, bytesMax: bytesLeft } = bounds;
    for (const plan of this.#waiting) {
      const bytes = encodedBytesMaxOfAll(plan.records);
      const fits = plan.records.length <= recordsLeft && bytes <= bytesLeft;
      if (taken.length > 0 && (!fits || this.#alone.has(plan.key))) {
        left.push(plan);
        continue;
      }
      taken.push(plan);
      recordsLeft -= plan.records.length;
      bytesLeft -= bytes;
    }
    this.#waiting = left;
    return taken;
  }

  /** Their transaction is committed. */
  committed(plans: readonly WaitingPlan[]): void {
    for (const { key, resolve } of plans) {
      this.#alone.delete(key);
      resolve();
    }
  }

  /** Their transaction has failed. Each is given the error itself only where it concerns all lanes, or the lane was alone. */
  failed(plans: readonly WaitingPlan[], error: unknown): void {
    const isOfAll = error instanceof TransactionError && ofAll.has(error.verdict);
    if (plans.length === 1 || isOfAll) {
      for (const { reject } of plans) reject(error);
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    const each = new TransactionError(
      "unknown",
      `${reason}; its ${plans.length} partitions are committed one by one until each has been`,
      { cause: error, begun: error instanceof TransactionError ? error.begun : true },
    );
    for (const { key, reject } of plans) {
      this.#alone.add(key);
      reject(each);
    }
  }

  /** None of those that wait will be in a transaction. */
  rejectAll(reason: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}
