/** How often and after what pause a record, or a dependency, is tried again. Pure. */

/** Bounds of the retries of one record. */
export interface RetryPolicy {
  /** Retries after the first try. */
  readonly retriesMax: number;
  /** The first pause, milliseconds; each one after it is twice as long. */
  readonly backoffMs: number;
  /** The longest pause, milliseconds. */
  readonly backoffMsMax: number;
}

/** Three retries after 0.5, 1 and 2 seconds; of more, none waits longer than 30. */
export const retryDefaults: RetryPolicy = { retriesMax: 3, backoffMs: 500, backoffMsMax: 30_000 };

/**
 * The pause before retry number `retry` (from 1), milliseconds: exponential, at most `capMs`, shortened by up to a half at
 * random so that many waiters do not come back at once ("equal jitter", AWS Architecture Blog, 2015).
 */
export function backoffMs(
  retry: number,
  baseMs: number,
  capMs = Infinity,
  random: () => number = Math.random,
): number {
  const full = Math.min(capMs, baseMs * 2 ** (retry - 1));
  return full / 2 + random() * full / 2;
}
