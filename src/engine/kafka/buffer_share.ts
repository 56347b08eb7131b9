/** How much one lane of a process may hold of what was fetched and not yet taken. */

/** A lane that holds a quarter of all cannot use more. */
const lanesMin = 4;
/** How many of the largest batches a process may hold for its lanes; two for each where lanes are few. */
export const bufferBatches = 2 * lanesMin;
/** With very many lanes: so that an answer still brings many records of each. */
const shareBytesMin = 64 * 1024;
/** What a fetch asks for of one partition is not less, however little a lane may hold: most record batches fit. */
const fetchBytesMin = 512 * 1024;

/**
 * The bytes that each of `lanes` may hold, where all of them together may hold `bytesMax` and hold `held` now. While less than
 * half is held, one that has much to do takes what the others do not need.
 */
export function bufferShare(bytesMax: number, lanes: number, held: number): number {
  const busy = held < bytesMax / 2 ? lanesMin : Math.max(lanesMin, lanes);
  return Math.max(shareBytesMin, Math.floor(bytesMax / busy));
}

/** The bytes that a fetch asks for of the partition of a lane with that share. */
export function fetchShare(share: number, bytesMax: number): number {
  return Math.min(bytesMax, Math.max(fetchBytesMin, share));
}
