/** Turns figures into text for people. Decimals stay text: no amount ever becomes a float. */

const whole = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/**
 * `1234567` as `1,234,567`.
 * @param {number} count
 */
export function formatCount(count) {
  return whole.format(count);
}

/**
 * A rate a second.
 * @param {number | undefined} perSecond
 */
export function formatRate(perSecond) {
  if (perSecond === undefined) return "–";
  return `${perSecond < 10 ? oneDigit.format(perSecond) : whole.format(Math.round(perSecond))}/s`;
}

/**
 * A length of time, in the unit that fits.
 * @param {number} seconds
 */
export function formatSeconds(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${oneDigit.format(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 48 * 3600) return `${oneDigit.format(seconds / 3600)} h`;
  return `${oneDigit.format(seconds / 86_400)} days`;
}

/**
 * Decimal text with its thousands apart: `12345.50` as `12,345.50`.
 * @param {string} decimal
 */
export function formatDecimal(decimal) {
  const [integer = "", fraction] = decimal.split(".");
  const grouped = integer.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/**
 * The time of day, or the date where it is another day.
 * @param {string} iso
 */
export function formatTime(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const today = new Date().toDateString() === time.toDateString();
  return today ? time.toLocaleTimeString("en-GB") : time.toLocaleString("en-GB");
}

/**
 * An id that fits a narrow column: its end tells it from its neighbours, so the middle is what goes.
 * @param {string} id
 */
export function shortenId(id) {
  return id.length <= 14 ? id : `${id.slice(0, 5)}…${id.slice(-8)}`;
}
