/** Groups all dead letters of a topic that are selected. Reads only, each record once, in bounded memory. */
import { readRange } from "../core/read_range.ts";
import { createGrouping, type DeadLetterGroups, type GroupLimits } from "./group_dead_letters.ts";
import { deadLetterPartitions, type DeadLetterStore } from "./list_dead_letters.ts";
import { readDeadLetter } from "./read_dead_letter.ts";
import { isRedriven, readRedriveState } from "./redrive_state.ts";
import { type Selection, selects } from "./select_dead_letters.ts";

/** Which dead letters to group, and how much to keep. */
export interface GroupOptions extends Selection, GroupLimits {
  /** Only those that were not redriven yet. */
  readonly pending?: boolean;
}

/**
 * The groups of what is selected, over the whole topic: it takes as long as reading that takes.
 *
 * @throws when the topic does not exist
 */
export async function listGroups(
  store: DeadLetterStore,
  options: GroupOptions = {},
  signal?: AbortSignal,
): Promise<DeadLetterGroups> {
  const { log } = store;
  const isSelected = selects(options);
  const grouping = createGrouping(options);
  for (const place of await deadLetterPartitions(store)) {
    const committed = await log.committedOffset(log.names.redrive, place);
    const state = await readRedriveState(log, place, committed, { signal });
    const { start: from, end: to } = await log.range(place);
    for await (const records of readRange(log, { ...place, from, to }, signal)) {
      for (const record of records) {
        const deadLetter = { ...readDeadLetter(record), redriven: isRedriven(state, record) };
        if (!isSelected(deadLetter) || (options.pending && deadLetter.redriven)) continue;
        grouping.add(deadLetter);
      }
    }
  }
  return grouping.groups();
}
