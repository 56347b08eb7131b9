/** Spaces work out, so that a rebuild leaves Postgres and Kafka to those who serve. It measures nothing. */
import { delay } from "../core/delay.ts";

/** Waits after so many records until the next may be folded. */
export type Pace = (records: number, signal: AbortSignal) => Promise<void>;

/**
 * So many records a second, by all who share it.
 *
 * @throws {TypeError} when that is no number above 0
 */
export function paceOf(recordsPerSecond: number | undefined): Pace {
  if (recordsPerSecond === undefined) return () => Promise.resolve();
  if (!(recordsPerSecond > 0 && Number.isFinite(recordsPerSecond))) {
    throw new TypeError(
      `Cannot fold ${recordsPerSecond} records a second: recordsPerSecond is a number above 0`,
    );
  }
  let freeAt = 0;
  return async (records, signal) => {
    const now = performance.now();
    freeAt = Math.max(freeAt, now) + (records * 1_000) / recordsPerSecond;
    await delay(freeAt - now, signal);
  };
}
