/** How far a lane has come, over all of its sessions, and what is known of its last commit. */
import { getLogger } from "../packages/logtape.ts";
import type { DeliverySession } from "./delivery.ts";
import type { LaneObserver } from "./lane_observer.ts";
import type { OffsetOrigin } from "./offset_metadata.ts";
import { TransactionError } from "./ports.ts";
import type { OutputRecord } from "./record.ts";

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

/** Commits, and keeps account of what is known of the outcome. */
export async function commitKnown(
  { progress, observer }: { readonly progress: Progress; readonly observer: LaneObserver },
  session: DeliverySession,
  outputs: readonly OutputRecord[],
  nextOffset: number,
  beside?: Pick<OffsetOrigin, "state" | "changelog">,
): Promise<void> {
  progress.doubt = progress.unwritten = nextOffset;
  await session.commit(outputs, nextOffset, beside).catch((error) => {
    if (error instanceof TransactionError) {
      observer.failed?.(error.verdict);
      // Nothing of it was sent, or all of it was refused: no outcome is open.
      if (!error.begun || error.verdict === "left-behind") progress.doubt = undefined;
    }
    throw error;
  });
  progress.doubt = progress.unwritten = undefined;
  progress.known = nextOffset;
}
