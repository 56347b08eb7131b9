/** Decimal text in one canonical form, so that equal amounts are equal strings. Owns no currency and no rounding. */
import { Decimal } from "decimal.js";

const Exact = Decimal.clone({ precision: 1_000, toExpNeg: -1_000, toExpPos: 1_000 });

/** `12.50` and `12.5` as `12.5`; null for what is no decimal number. */
export function canonicalDecimal(text: unknown): string | null {
  if (typeof text !== "string" || !/^-?\d{1,400}(\.\d{1,400})?$/.test(text)) return null;
  return new Exact(text).toString();
}

/** Whether the first equals the sum of the other two, exactly. */
export function isSum(total: string | null, one: string | null, two: string | null): boolean {
  if (total === null || one === null || two === null) return false;
  return new Exact(one).plus(two).equals(total);
}

/** The exact sum, in canonical form. */
export function addDecimals(one: string, two: string): string {
  return new Exact(one).plus(two).toString();
}
