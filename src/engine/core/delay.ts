/** Waiting that an abort signal, or a time limit, ends early. */

/** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as that fires. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** What the promise gives, or what `late` gives once `ms` have passed. What it stands for goes on. Rejects as it does. */
export async function withinTime<T, L>(
  promise: Promise<T>,
  ms: number,
  late: () => L,
): Promise<T | L> {
  const { promise: overdue, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    const winner = await Promise.race([promise.then((value) => ({ value })), overdue]);
    return winner === undefined ? late() : winner.value;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the promise was fulfilled within `ms` milliseconds; what it stands for goes on. Rejects as the promise does. */
export function doneWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return withinTime(promise.then(() => true), ms, () => false);
}

/** What the promise gives; rejects with the signal's reason as soon as that fires. What it stands for goes on. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {}); // Nobody else hears how it ends.
    throw signal.reason;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
