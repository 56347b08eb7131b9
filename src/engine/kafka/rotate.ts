/** Turns a list: another partition comes first in each fetch, so that none starves when one answer cannot hold them all. */

/** The items from that index on, then those before it. */
export function rotate<T>(items: readonly T[], by: number): readonly T[] {
  const start = items.length > 0 ? by % items.length : 0;
  return [...items.slice(start), ...items.slice(0, start)];
}
