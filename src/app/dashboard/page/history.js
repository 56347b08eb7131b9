/** Remembers the last minute of a counter: its rate, and its line. */

const keepMs = 60_000;
const rateOverMs = 5_000;

/** @typedef {{ at: number, count: number }} Sample */
/** @typedef {{ samples: Sample[] }} History */

/** @returns {History} */
export function newHistory() {
  return { samples: [] };
}

/**
 * Adds what was counted at a moment. The same moment again says nothing new; a count that fell is another database.
 * @param {History} history
 * @param {number} at milliseconds
 * @param {number} count
 */
export function remember(history, at, count) {
  const last = history.samples.at(-1);
  if (last !== undefined && at <= last.at) return;
  if (last !== undefined && count < last.count) history.samples = [];
  history.samples.push({ at, count });
  while ((history.samples[0]?.at ?? at) < at - keepMs) history.samples.shift();
}

/**
 * The rate a second over the last five seconds or, where counts come more seldom, since the last count but one.
 * @param {History} history
 * @returns {number | undefined}
 */
export function rateOf({ samples }) {
  const last = samples.at(-1);
  if (last === undefined) return undefined;
  const before = samples.findLast((sample) => sample.at <= last.at - rateOverMs) ?? samples[0];
  if (before === undefined || before.at === last.at) return undefined;
  return (last.count - before.count) * 1000 / (last.at - before.at);
}

/**
 * The rates of the last minute as points of a polyline in a box of 100 by 24.
 * @param {History} history
 */
export function sparkline({ samples }) {
  const last = samples.at(-1);
  if (last === undefined || samples.length < 2) return "";
  const rates = samples.slice(1).map((sample, index) => {
    const before = samples[index] ?? sample;
    return { at: sample.at, rate: (sample.count - before.count) * 1000 / (sample.at - before.at) };
  });
  const highest = Math.max(1, ...rates.map(({ rate }) => rate));
  return rates.map(({ at, rate }) => {
    const x = 100 - (last.at - at) * 100 / keepMs;
    const y = 23 - rate * 22 / highest;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  }).join(" ");
}
