/** Medians and spreads of a few rounds. Pure. */

/** One figure over several rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** In the order of the rounds. */
  readonly values: readonly number[];
}

/**
 * The median, the lowest and the highest value. With the handful of rounds that a benchmark has time for, the whole range
 * says more than a standard deviation.
 *
 * @throws {RangeError} for no values
 */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[0];
  const high = sorted.at(-1);
  if (low === undefined || high === undefined) throw new RangeError("a spread of no values");
  return { median: medianOfSorted(sorted), low, high, values: [...values] };
}

/** The ratios of two series pair by pair: round by round, so that what slows the whole machine cancels out. */
export function pairRatios(values: readonly number[], base: readonly number[]): Spread {
  const ratios = values.flatMap((value, round) => {
    const against = base[round];
    return against === undefined || against === 0 ? [] : [value / against];
  });
  return spreadOf(ratios);
}

function medianOfSorted(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
