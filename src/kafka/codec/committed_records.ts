/** Decides what read_committed shows of a fetched partition. Owns the rule of KAFKAJS.md row 1, never I/O. */
import type { InputRecord } from "../../core/record.ts";
import type { AbortedTransaction, FetchedPartition } from "./decode_fetch_response.ts";
import type { FetchedRecord } from "./fetched_record.ts";
import { controlKey, readRecords, verifyChecksum } from "./read_records.ts";
import type { RecordBatch } from "./record_batch.ts";

/** The visible records of a fetch, and where the next fetch starts. */
export interface CommittedRecords {
  readonly records: readonly FetchedRecord[];
  /** Past the last complete batch, also when all of it was filtered or compacted away. Never below what was asked for. */
  readonly nextOffset: number;
}

/** Control records start with a version and a type, both int16 (KIP-98). */
const ABORT_TYPE = 0;

/**
 * The records at or above `fromOffset` that are not part of an aborted transaction, without control records.
 *
 * After the Java client (`CompletedFetch`): the aborted transactions are opened in order of their *first* offset, all of
 * them up to the batch at hand; one closes only at an abort marker in a control batch of its producer; data batches that
 * are transactional and whose producer is open are dropped whole. Keys of data records mean nothing here.
 *
 * @throws {CodecError} `corrupt` where a checksum does not match or a record leaves its frame, `unsupported` for a codec
 * that is not at hand. Then nothing is returned, not even the records before that batch
 */
export function committedRecords(
  partition: FetchedPartition,
  fromOffset: number,
): CommittedRecords {
  const pending = [...partition.abortedTransactions].sort(byFirstOffset);
  const aborting = new Set<bigint>();
  const records: FetchedRecord[] = [];
  let opened = 0;
  let nextOffset = fromOffset;
  for (const batch of partition.batches) {
    verifyChecksum(batch);
    for (; (pending[opened]?.firstOffset ?? Infinity) <= batch.lastOffset; opened++) {
      const transaction = pending[opened];
      if (transaction) aborting.add(transaction.producerId);
    }
    if (batch.isControl) {
      if (isAbortMarker(batch)) aborting.delete(batch.producerId);
    } else if (!(batch.isTransactional && aborting.has(batch.producerId))) {
      if (batch.lastOffset >= fromOffset) readRecords(batch, fromOffset, records);
    }
    nextOffset = Math.max(nextOffset, batch.lastOffset + 1);
  }
  return { records, nextOffset };
}

function byFirstOffset(a: AbortedTransaction, b: AbortedTransaction): number {
  return a.firstOffset - b.firstOffset;
}

function isAbortMarker(batch: RecordBatch): boolean {
  const key = controlKey(batch);
  if (key === undefined || key.length < 4) return false;
  return new DataView(key.buffer, key.byteOffset).getInt16(2) === ABORT_TYPE;
}

/** A copy of a record as plain fields, free of the response's memory; for keeping, comparing and printing. */
export function plainRecord(record: InputRecord): InputRecord {
  const { topic, partition, offset, timestamp, key, value, headers } = record;
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: key && key.slice(),
    value: value && value.slice(),
    headers: headers.map(([name, bytes]) => [name, bytes && bytes.slice()] as const),
  };
}
