/** Waits until everything that was published has been processed and projected. */
import { delay } from "../../engine/core/delay.ts";
import type { CommittedOffset, LogRange } from "../../engine/core/ports.ts";
import type { TopicPartition } from "../../engine/core/record.ts";

/** Something that follows a topic: a group's committed offsets, or a projection's positions. */
export interface Follower {
  readonly name: string;
  readonly partitions: readonly TopicPartition[];
  readonly position: (partition: TopicPartition) => Promise<Pick<CommittedOffset, "offset">>;
}

const pollMs = 150;

/**
 * Resolves when each follower, in the order given, stands at the end of its topics. The order is that of the pipeline:
 * a follower's topics get nothing new once the one before it stands still.
 */
export async function untilCaughtUp(
  followers: readonly Follower[],
  range: (partition: TopicPartition) => Promise<LogRange>,
  signal: AbortSignal,
): Promise<void> {
  for (const { partitions, position } of followers) {
    for (const partition of partitions) {
      const { start, end } = await range(partition);
      while (end > start && (await position(partition)).offset < end) await delay(pollMs, signal);
    }
  }
}
