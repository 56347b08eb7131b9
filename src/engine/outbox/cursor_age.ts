/** When the relay's cursor is to be committed again as it is: Kafka forgets the offsets of a group that is idle. Pure. */

/** A new session commits one that is older than this, at the latest. */
const atStartMs = 60_000;
const refreshMsMax = 3 * 60 * 60 * 1_000;
const refreshMsMin = 1_000;
/** So often within the time for which Kafka keeps it. */
const timesKept = 8;

/** How often an idle cursor is committed again where Kafka keeps offsets for so long; undefined where that is not known. */
export function cursorRefreshMs(keptMs: number | undefined): number {
  if (keptMs === undefined) return refreshMsMax;
  return Math.min(refreshMsMax, Math.max(refreshMsMin, keptMs / timesKept));
}

/** When the cursor was committed last, as far as this process knows. */
export interface CursorAge {
  /** By the clock that `now` is of; undefined where another process did, or an outcome is not known. */
  readonly committedAt: number | undefined;
  /** A session has just begun, and has committed nothing yet. */
  readonly isStart: boolean;
}

/** Whether to commit it again. */
export function isCursorDue(
  { committedAt, isStart }: CursorAge,
  refreshMs: number,
  now: number,
): boolean {
  if (committedAt === undefined) return true;
  return now - committedAt >= (isStart ? Math.min(atStartMs, refreshMs) : refreshMs);
}
