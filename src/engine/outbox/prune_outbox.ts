/** Deletes published rows beside the relay, as fast as it publishes them, in bounded statements. */
import { getLogger } from "../packages/logtape.ts";
import { unlessAborted } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import type { Deleted, Retention } from "./delete_published.ts";
import type { RelayClock } from "./relay_clock.ts";

/** What pruning needs. */
export interface PruneDeps {
  readonly remove: (retention: Omit<Retention, "shard">) => Promise<Deleted>;
  /** The position of the committed cursor's own row; -1 while it is not known. */
  readonly cursor: () => number;
  readonly clock: RelayClock;
  readonly times: PruneTimes;
  /** Told when it fails again and again, as `name`. */
  readonly health?: Pick<Health, "up" | "down">;
  readonly name: string;
}

/** What the next round looks at, and when. */
export interface PruneState {
  readonly from: number;
  readonly limit: number;
  readonly pauseMs: number;
  /** Failures in a row. */
  readonly failures: number;
}

/** The first round. */
export const pruneStart: PruneState = { from: 0, limit: 10_000, pauseMs: 0, failures: 0 };

/** Pauses between two rounds, milliseconds. */
export interface PruneTimes {
  /** While rows get old one by one, */
  readonly someMs: number;
  /** while none does, */
  readonly noneMs: number;
  /** and after a failure. */
  readonly failedMs: number;
}

/** Shorter than what one statement deletes takes to be published. */
export const pruneTimes: PruneTimes = { someMs: 1_000, noneMs: 3_000, failedMs: 5_000 };

const limitMin = 100;
/** An outage of Postgres is said by others; this long there is another reason. */
const failuresMax = 6;
const cause = "retention";

const log = getLogger(["onceflow", "outbox", "retention"]);

/** What comes after a round: at once where there was more of it than one statement takes. Pure. */
export function afterRound(
  state: PruneState,
  { looked, deleted, next: from }: Deleted,
  { someMs, noneMs }: PruneTimes,
): PruneState {
  const isMore = looked >= state.limit && deleted > 0;
  return {
    from,
    limit: Math.min(pruneStart.limit, state.limit * 2),
    pauseMs: isMore ? 0 : deleted > 0 ? someMs : noneMs,
    failures: 0,
  };
}

/** A statement that took too long is smaller the next time. Pure. */
export function afterFailure(state: PruneState, { failedMs }: PruneTimes): PruneState {
  return {
    ...state,
    limit: Math.max(limitMin, Math.floor(state.limit / 2)),
    pauseMs: failedMs,
    failures: state.failures + 1,
  };
}

/** Until the signal fires. */
export async function pruneOutbox(
  { remove, cursor, clock, times, health, name }: PruneDeps,
  olderThanHours: number,
  signal: AbortSignal,
): Promise<void> {
  let state = pruneStart;
  while (!signal.aborted) {
    const below = cursor();
    try {
      const { from, limit } = state;
      const found = below > from
        // Whoever stops does not wait for a statement that may hang.
        ? await unlessAborted(remove({ from, cursor: below, olderThanHours, limit }), signal)
        : { looked: 0, deleted: 0, next: from };
      if (found.deleted > 0) {
        log.debug("Deleted {deleted} published rows ({name})", { deleted: found.deleted, name });
      }
      if (state.failures > 0) health?.up(name, cause);
      state = afterRound(state, found, times);
    } catch (error) {
      if (signal.aborted) break;
      const reason = error instanceof Error ? error.message : String(error);
      log.debug("Cannot delete published rows ({name}): {reason}", { name, reason });
      state = afterFailure(state, times);
      if (state.failures >= failuresMax) {
        const text = `published rows are not deleted, and the outbox grows: ${reason}`;
        health?.down(name, text, { cause });
      }
    }
    await clock.delay(state.pauseMs, signal).catch(() => {});
  }
  health?.up(name, cause);
}
