/** `partition/offset`: how a dead letter is named on the command line, in redrives and in headers. */

/** Where a dead letter stands in its topic. */
export interface DeadLetterAddress {
  /** The partition of the dead-letter topic, from 0. */
  readonly partition: number;
  /** The offset in it. */
  readonly offset: number;
}

/** `2/17`. */
export function formatAddress({ partition, offset }: DeadLetterAddress): string {
  return `${partition}/${offset}`;
}

/**
 * Reads `2/17`.
 *
 * @throws {TypeError} for anything else
 */
export function parseAddress(text: string): DeadLetterAddress {
  const match = /^(\d{1,9})\/(\d{1,15})$/.exec(text);
  if (match) return { partition: Number(match[1]), offset: Number(match[2]) };
  throw new TypeError(
    `"${text}" is not the address of a dead letter: write PARTITION/OFFSET, as in 2/17`,
  );
}
