/** Says which dead letters are gone before anybody has redriven them. It halts nothing: they do not come back. */
import type { TopicPartition } from "../core/record.ts";
import type { RecordLog } from "./record_log.ts";
import type { RedriveObserver } from "./redrive_options.ts";
import type { RedriveState } from "./redrive_state.ts";
import { isPartial, type Selection } from "./select_dead_letters.ts";

/** Tells the observer, where everything that is pending was asked for. */
export async function tellRemoved(
  log: Pick<RecordLog, "range">,
  state: RedriveState,
  place: TopicPartition,
  options: Selection,
  observer: RedriveObserver,
): Promise<void> {
  if (isPartial(options)) return;
  const { start } = await log.range(place);
  const offsets = removedBelow(state, start);
  if (offsets > 0) observer.removed?.(place, offsets, start);
}

/** How many offsets below the start of the log were never redriven: retention has removed what was there. */
function removedBelow({ next, redrives }: RedriveState, start: number): number {
  const from = Math.max(0, next);
  let redriven = 0;
  for (const [offset, { to }] of redrives) {
    if (to !== "" && offset >= from && offset < start) redriven++;
  }
  return Math.max(0, start - from - redriven);
}
