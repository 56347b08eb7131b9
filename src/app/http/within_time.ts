/** Waits for something, but not for ever. */

/** What `promise` gives, or what `late` gives when that takes longer than `msMax`. `promise` is not cancelled. */
export async function withinTime<T, L>(
  promise: Promise<T>,
  msMax: number,
  late: () => L,
): Promise<T | L> {
  const { promise: overdue, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), msMax);
  try {
    const winner = await Promise.race([promise.then((value) => ({ value })), overdue]);
    return winner === "late" ? late() : winner.value;
  } finally {
    clearTimeout(timer);
  }
}
