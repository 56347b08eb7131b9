/** Holds a redrive to so many records a second, so that what it feeds is not flooded. Owns a number; writes nothing. */
import { delay } from "../core/delay.ts";

/** What a redrive waits for between its transactions; no transaction is open meanwhile. */
export interface Pace {
  /** Records of one transaction: a tenth of a second's, so that a second's records do not come at once. */
  readonly batchRecordsMax: number;
  /** Resolves when so many more records may follow those before them; rejects as soon as the signal fires. */
  wait(records: number, signal?: AbortSignal): Promise<void>;
}

/** What a pace measures and waits by; the process's own where absent. */
export interface PaceClock {
  /** Milliseconds, monotonic. */
  now(): number;
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The most that may be asked for: more than one process sends. */
export const perSecondMax = 1_000_000;

/**
 * A pace for one redrive, whatever partitions it goes through. What was not sent in time is not caught up.
 *
 * @throws {TypeError} for what is no whole number from 1 to {@linkcode perSecondMax}
 */
export function paceOf(
  perSecond: number,
  clock: PaceClock = { now: () => performance.now(), delay },
): Pace {
  if (!Number.isInteger(perSecond) || perSecond < 1 || perSecond > perSecondMax) {
    throw new TypeError(
      `Cannot redrive ${perSecond} records a second: say a whole number from 1 to ${perSecondMax}`,
    );
  }
  let free = clock.now();
  return {
    batchRecordsMax: Math.ceil(perSecond / 10),
    async wait(records, signal) {
      const wait = free - clock.now();
      if (wait > 0) await clock.delay(wait, signal);
      free = Math.max(free, clock.now()) + records * 1_000 / perSecond;
    },
  };
}
