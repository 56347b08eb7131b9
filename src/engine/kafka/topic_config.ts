/** The settings that topics are made with, by what they hold. Data and no request. */

/** For topics whose records a rebuild of the read model reads from the first on. */
export const historyTopicConfig = { "cleanup.policy": "delete", "retention.ms": "-1" };

/** For how long dead letters are kept where nobody says: they wait for a person, so for ever. */
export const deadLettersForEverMs = -1;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Of a dead-letter topic. It has room for a dead letter whose original filled a batch to the brim, and for the headers
 * beside it.
 *
 * @param retentionMs how long they are kept. The last of them is gone a segment's time later, an hour to a day: Kafka deletes
 * by segments, and one that is written to for a week would keep its first record for a week longer
 */
export function deadLetterTopicConfig(
  retentionMs: number = deadLettersForEverMs,
): Readonly<Record<string, string>> {
  return {
    "max.message.bytes": String(2 * 1_048_588),
    "cleanup.policy": "delete",
    "retention.ms": String(retentionMs),
    ...retentionMs !== deadLettersForEverMs &&
      { "segment.ms": String(Math.min(dayMs, Math.max(hourMs, Math.round(retentionMs / 10)))) },
  };
}

/** Small enough to be read whole at each start: the part that is still written is never compacted, so it must be short. */
export const compactedTopicConfig = {
  "cleanup.policy": "compact",
  "segment.bytes": "4194304",
  "segment.ms": "600000",
  "min.cleanable.dirty.ratio": "0.1",
  "max.compaction.lag.ms": "3600000",
};
