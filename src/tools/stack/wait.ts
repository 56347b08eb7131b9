/** Bounded waiting: every wait of the stack has an end and ends with its signal. Never waits for ever. */

/** How long to wait at most, how often to look, and what stops the wait. */
export interface WaitOptions {
  readonly waitMsMax: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks `look` until it answers something other than undefined, and returns that; undefined when the time is over.
 *
 * @throws the signal's reason when it aborts, and whatever `look` throws
 */
export async function waitFor<T>(
  look: () => Promise<T | undefined> | T | undefined,
  { waitMsMax, intervalMs = 25, signal }: WaitOptions,
): Promise<T | undefined> {
  const end = performance.now() + waitMsMax;
  for (;;) {
    signal?.throwIfAborted();
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() >= end) return undefined;
    await pause(intervalMs, signal);
  }
}

/** Resolves after `ms`, or earlier when the signal aborts (the caller looks at the signal). */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
