/** The relay's time: what it measures intervals with and waits by. Tests give it weeks in a second. */
import { delay } from "../core/delay.ts";

/** A clock that only goes forward. */
export interface RelayClock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as that fires. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The process's own: steps of the system's clock do not touch it. */
export const steadyClock: RelayClock = { now: () => performance.now(), delay };

/**
 * The promise's value; rejects with what `late` makes when it takes longer than that. What it stands for goes on.
 */
export async function withinMs<T>(
  promise: Promise<T>,
  ms: number,
  clock: RelayClock,
  late: () => Error,
): Promise<T> {
  const answered = new AbortController();
  try {
    return await Promise.race([
      promise,
      clock.delay(ms, answered.signal).then(() => {
        throw late();
      }),
    ]);
  } finally {
    answered.abort();
  }
}
