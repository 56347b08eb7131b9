/**
 * Keeps one record from killing the process for ever: after some crashes at the same place records are processed alone, and
 * one that kills the process then becomes a dead letter.
 *
 * Attempts are counted outside of the transaction and before the transform runs, or a crash would take the count with it. It
 * costs one write when a lane of a process begins, and nothing after its first commit.
 */
import { PoisonError } from "./errors.ts";

/** Where a lane stood when it last began, and how often it began there. */
export interface CrashAttempts {
  /** The first record of the batch, or -1 where nothing was written. */
  readonly offset: number;
  /** How often a batch from that offset was begun without a commit. */
  readonly attempts: number;
}

/** The attempts of one lane, kept where they outlive the process. */
export interface CrashLog {
  read(): Promise<CrashAttempts>;
  write(begun: CrashAttempts): Promise<void>;
}

/** What to do with a batch: all of it, its first record alone, or make its first record a dead letter. */
export type CrashVerdict =
  | { readonly kind: "all" }
  | { readonly kind: "alone" }
  | { readonly kind: "dead-letter"; readonly attempts: number };

/** The record killed the process each time it was tried alone. */
export class CrashLoopError extends PoisonError {
  override name = "CrashLoopError";
}

/** Bounds of a guard. */
export interface CrashLimits {
  /** Attempts at a batch without a commit, after which its records are processed one by one. */
  readonly togetherMax: number;
  /** Attempts at one record alone, after which it becomes a dead letter. Above one: a kill from outside must not make one. */
  readonly aloneMax: number;
  /** How many records are processed one by one before the lane trusts the rest again. */
  readonly carefulRecords: number;
}

/** Six crashes at the most before a record becomes a dead letter. */
export const crashDefaults: CrashLimits = { togetherMax: 3, aloneMax: 3, carefulRecords: 2_000 };

/** The guard of one lane, for as long as its process lives. */
export class CrashGuard {
  #healthy = false;
  #carefulLeft = 0;

  constructor(readonly log: CrashLog, readonly limits: CrashLimits = crashDefaults) {}

  /** To be asked before the batch that begins with this offset is planned. */
  async before(offset: number): Promise<CrashVerdict> {
    if (this.#healthy) return { kind: "all" };
    const { togetherMax, aloneMax, carefulRecords } = this.limits;
    const last = await this.log.read();
    // Still careful where a commit has failed meanwhile, too: the count of that record was written back to none.
    const atLeast = this.#carefulLeft > 0 ? togetherMax : 0;
    const attempts = last.offset === offset ? Math.max(last.attempts, atLeast) : atLeast;
    const careful = attempts >= togetherMax;
    if (careful) this.#carefulLeft ||= carefulRecords;
    if (attempts >= togetherMax + aloneMax) return { kind: "dead-letter", attempts };
    await this.log.write({ offset, attempts: attempts + 1 });
    return { kind: careful ? "alone" : "all" };
  }

  /** The transform came back, or waits for a dependency: the attempt does not count. */
  async survived(offset: number): Promise<void> {
    if (!this.#healthy) await this.log.write({ offset, attempts: 0 });
  }

  /** To be told after the commit of what `before` was asked about. */
  committed(): void {
    if (this.#carefulLeft > 0) this.#carefulLeft--;
    if (this.#carefulLeft === 0) this.#healthy = true;
  }
}
