/** The flow: visits in, how often each page was visited out. Each visit counts once, whatever crashes. */
import { defineFlow, keyedState, PoisonError, topic } from "@onceflow/onceflow";
import { z } from "zod";

/** What is read: past-tense facts, keyed by what must keep its order. */
export const visits = topic("PROJECT.visits", {
  read: z.object({ page: z.string(), visitor: z.string() }),
  key: ({ page }) => page,
});

/** What is written. */
export const counts = topic("PROJECT.counts", {
  read: z.object({ page: z.string(), count: z.int() }),
  key: ({ page }) => page,
});

/** One visit in, its consequences out. What it keeps, writes and has read is one transaction. */
export const counting = defineFlow({
  name: "PROJECT",
  from: visits,
  to: [counts],
  state: keyedState({ read: z.object({ count: z.int() }) }),
  transform({ page, visitor }, { state }) {
    if (visitor === "") throw new PoisonError("nobody visited"); // becomes a dead letter
    const count = (state.get()?.count ?? 0) + 1;
    state.set({ count });
    return counts.event({ page, count });
  },
});
