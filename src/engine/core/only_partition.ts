/** The partition of a compacted topic that every process reads whole. */
import type { TopicPartition } from "./record.ts";

/** Always the first: a choice by hash would lose the entries when somebody adds partitions. */
export function onlyPartition(topic: string): TopicPartition {
  return { topic, partition: 0 };
}
