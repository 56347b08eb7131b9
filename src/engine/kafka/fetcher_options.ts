/** How much is fetched at once, and how often. */

/** Bounds of fetching. */
export interface FetcherOptions {
  readonly waitMsMax: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  readonly isolationLevel: 0 | 1;
  /** The longest pause between two fetches of one broker; see `fetchPauseMs`. */
  readonly pauseMsMax: number;
}

/** Generous for throughput, small enough for a laptop. */
export const fetcherDefaults: FetcherOptions = {
  waitMsMax: 250,
  bytesMax: 16 * 1024 * 1024,
  partitionBytesMax: 2 * 1024 * 1024,
  isolationLevel: 1,
  pauseMsMax: 13,
};
