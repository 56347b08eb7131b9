/** Reads numbers as people write them: decimal digits, and nothing around them. The one place that does, for options and settings. */

/**
 * The whole number in this text; undefined where it is none, or outside of the bounds. `Number` would take an empty text,
 * white space, `0x10`, `1e3` and `+5` as well, each of which is more likely a slip than a wish.
 */
export function readWhole(text: string, low: number, high: number): number | undefined {
  if (!/^-?[0-9]{1,15}$/.test(text)) return undefined;
  return within(Number(text), low, high);
}

/** The number in this text, which may have a fraction behind a point; undefined where it is none, or outside of the bounds. */
export function readDecimal(text: string, low: number, high: number): number | undefined {
  if (!/^-?[0-9]{1,15}(\.[0-9]{1,9})?$/.test(text)) return undefined;
  return within(Number(text), low, high);
}

function within(value: number, low: number, high: number): number | undefined {
  // Never -0.
  return value >= low && value <= high ? value + 0 : undefined;
}
