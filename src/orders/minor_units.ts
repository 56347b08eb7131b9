/** How many decimals a currency has. Asks the platform's ISO 4217 table; keeps none of its own. */

const known = new Map<string, number>();

/**
 * Decimals of a currency: 2 for USD, 0 for JPY, 3 for KWD, and 2 for three letters that are no currency at all.
 * The cache is bounded by the 17,576 codes that three letters can make.
 */
export function minorUnits(currency: string): number {
  const cached = known.get(currency);
  if (cached !== undefined) return cached;
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  known.set(currency, digits);
  return digits;
}
