/** How much one lane of a process may hold of what was fetched and not yet taken. Pure. */

/** Fewer lanes than this hold no more each: a lane cannot use it. */
const lanesMin = 4;
/** What a process may hold for its lanes is so many times the largest transaction of one: two, where they are few. */
export const bufferBatches = 2 * lanesMin;
/** With very many lanes: so that an answer still brings many records of each. */
const shareBytesMin = 64 * 1024;
/** What a fetch asks for of one partition is not less, however little a lane may hold: most record batches fit. */
const fetchBytesMin = 512 * 1024;

/** The bytes that each of `lanes` may hold, where all of them together may hold `bytesMax`. */
export function bufferShare(bytesMax: number, lanes: number): number {
  return Math.max(shareBytesMin, Math.floor(bytesMax / Math.max(lanesMin, lanes)));
}

/** The bytes that a fetch asks for of the partition of a lane with that share. */
export function fetchShare(share: number, bytesMax: number): number {
  return Math.min(bytesMax, Math.max(fetchBytesMin, share));
}
