/** Says whether the read model has come to a cut. A pure function. */
import type { LogRange } from "../../engine/core/ports.ts";
import { formatPartition, type TopicPartition } from "../../engine/core/record.ts";

/** How far one partition has been folded. */
export interface Position extends TopicPartition {
  readonly next: number;
}

/** True when everything below the ends has been folded. A partition without a position has had nothing folded. */
export function hasReached(
  positions: readonly Position[],
  ends: readonly (TopicPartition & Pick<LogRange, "end">)[],
): boolean {
  const next = new Map(positions.map((position) => [formatPartition(position), position.next]));
  return ends.every((end) => (next.get(formatPartition(end)) ?? 0) >= end.end);
}

/** How many records lie between the positions and the ends. */
export function recordsBehind(
  positions: readonly Position[],
  ends: readonly (TopicPartition & LogRange)[],
): number {
  const next = new Map(positions.map((position) => [formatPartition(position), position.next]));
  return ends.reduce((sum, { topic, partition, start, end }) => {
    const from = Math.max(start, next.get(formatPartition({ topic, partition })) ?? 0);
    return sum + Math.max(0, end - from);
  }, 0);
}
