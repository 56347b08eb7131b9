/**
 * Ends a lane's session when a topic that its parked keys or its state were loaded from was deleted and recreated. What the
 * lane holds in memory is right, but nobody could read it back: the next session finds that out, and says what to do.
 */
import type { KeptWatch } from "../core/lane_options.ts";
import { TransactionError } from "../core/ports.ts";
import type { TopicDirectory } from "../kafka/topic_directory.ts";

/** For the lanes of a flow that keeps something in these topics; undefined where it keeps nothing. */
export function watchKept(
  topics: TopicDirectory,
  kept: readonly string[],
): (() => KeptWatch) | undefined {
  if (kept.length === 0) return undefined;
  return () => {
    const recreated = new AbortController();
    const listening = topics.onRecreated((topic) => {
      if (!kept.includes(topic)) return;
      recreated.abort(
        new TransactionError("unknown", `topic ${topic} was deleted and recreated`, {
          begun: false,
        }),
      );
    });
    return { signal: recreated.signal, [Symbol.dispose]: () => listening[Symbol.dispose]() };
  };
}
