/** Decimal text in one canonical form, so that equal amounts are equal strings. Owns no currency and no rounding. */

// Text and BigInt and not a decimal library: a million invoices have five amounts each, and the program under test uses
// the library, so that a mistake there does not hide itself here.

const shape = /^(-?)0*(\d{1,400}?)(?:\.(\d{0,400}?)0*)?$/;

/** `12.50` and `012.5` as `12.5`; null for what is no decimal number in plain notation. */
export function canonicalDecimal(text: unknown): string | null {
  if (typeof text !== "string") return null;
  const [, sign, whole, fraction] = shape.exec(text) ?? [];
  if (whole === undefined || text.endsWith(".")) return null;
  const digits = fraction ? `${whole}.${fraction}` : whole;
  return digits === "0" ? "0" : sign + digits;
}

/** Whether the first equals the sum of the other two, exactly. Takes canonical text. */
export function isSum(total: string | null, one: string | null, two: string | null): boolean {
  return total !== null && one !== null && two !== null && addDecimals(one, two) === total;
}

/** The exact sum of two canonical decimals, in canonical form. */
export function addDecimals(one: string, two: string): string {
  const places = Math.max(placesOf(one), placesOf(two));
  return fromUnits(toUnits(one, places) + toUnits(two, places), places);
}

function placesOf(decimal: string): number {
  const point = decimal.indexOf(".");
  return point < 0 ? 0 : decimal.length - point - 1;
}

function toUnits(decimal: string, places: number): bigint {
  return BigInt(decimal.replace(".", "") + "0".repeat(places - placesOf(decimal)));
}

function fromUnits(units: bigint, places: number): string {
  if (places === 0) return units.toString();
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const text = `${units < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
  return canonicalDecimal(text) ?? text;
}
