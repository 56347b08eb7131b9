/** Asks Kafka where a group stands, and notes where logs start and end. Commits nothing. */
import type { LogReader, TopicEnds } from "./log_reader.ts";
import type { Spill } from "./spill.ts";

/** The next offset to read, by partition. */
export type Offsets = ReadonlyMap<number, number>;

/**
 * The committed offsets of a group on one topic, stable unless a transaction outlasts the wait. Such a transaction has not
 * ended, so what it has written is not visible either, and the offset before it covers all that is; it is noted, because a
 * transaction that stays open is a finding.
 */
export async function offsetsByPartition(
  reader: LogReader,
  spill: Spill,
  groupId: string,
  topic: string,
  waitMs: number,
  onMetadata?: (partition: number, metadata: string) => void,
): Promise<Offsets> {
  const offsets = await reader.offsets(groupId, [topic], waitMs);
  for (const { partition, stable, offset, metadata } of offsets) {
    onMetadata?.(partition, metadata);
    if (stable) continue;
    spill.run(
      "insert or replace into held_offset values (?, ?, ?, ?)",
      groupId,
      topic,
      partition,
      offset,
    );
  }
  return new Map(
    offsets.filter(({ offset }) => offset >= 0).map(({ partition, offset }) => [partition, offset]),
  );
}

/** Notes the ends of the topics and the transactions that are open there. */
export function noteEnds(spill: Spill, ends: readonly TopicEnds[]): void {
  const end = spill.inserter("insert into log_end values (?, ?, ?, ?, ?, null)");
  const transaction = spill.inserter("insert into open_transaction values (?, ?, ?, ?, ?, ?, ?)");
  for (const { topic, partitions } of ends) {
    for (const { partition, start, lastStable, highWatermark, openTransactions } of partitions) {
      end(topic, partition, start, lastStable, highWatermark);
      for (const open of openTransactions) {
        transaction(
          topic,
          partition,
          open.producerId,
          open.producerEpoch,
          open.transactionalId,
          open.startOffset,
          open.lastTimestamp,
        );
      }
    }
  }
}

/** Notes a group's offsets before and after the logs were read. */
export function noteOffsets(
  spill: Spill,
  table: "consumed" | "relayed_up_to" | "redriven_up_to",
  before: Offsets,
  after: Offsets,
  partitions: Iterable<number> = [],
): void {
  for (const partition of new Set([...partitions, ...before.keys(), ...after.keys()])) {
    spill.run(
      `insert into ${table} values (?, ?, ?)`,
      partition,
      before.get(partition) ?? null,
      after.get(partition) ?? null,
    );
  }
}
