/** How far a lane has come, over all of its sessions. Plain data. */
import { getLogger } from "../packages/logtape.ts";
import type { LaneObserver } from "./lane_observer.ts";

/** See the file's first line. */
export interface Progress {
  /** The last offset that is known to be committed, or -1. */
  known: number;
  /** The offset that a commit under way would reach; set for as long as its outcome is not known. */
  doubt: number | undefined;
  /** The offset that was tried last and is not known to be committed; kept until something is. */
  unwritten?: number;
  /** Sessions that ended in a failure since the last commit. */
  failures: number;
}

const log = getLogger(["onceflow", "core", "lane"]);

/** The committed offset is the outcome of the commit whose answer was lost. */
export function resolve(
  { known, doubt }: Progress,
  committed: number,
  observer: LaneObserver,
): void {
  if (committed === doubt) observer.resolved?.("committed");
  else if (committed === known) observer.resolved?.("aborted");
  else log.info("The partition moved on to {committed} while its outcome was open", { committed });
}
