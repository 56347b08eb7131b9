/** Decides what read_committed shows of a fetched partition. Owns the rule, never I/O. */
import type { InputRecord } from "../../core/record.ts";
import { BatchWalk, controlKey, type TakeBounds, verifyChecksum } from "./batch_walk.ts";
import { CodecError } from "./codec_error.ts";
import type { AbortedTransaction, FetchedPartition } from "./decode_fetch_response.ts";
import type { RecordBatch } from "./record_batch.ts";
import type { ReadRecord } from "./fetched_record.ts";
import { UnreadBatch } from "./unread_batch.ts";

/** Visible records of a fetch, and the offset behind them. */
export interface CommittedRecords {
  readonly records: readonly ReadRecord[];
  /** Past these records, and past what was filtered or compacted away behind them. Never below what was asked for. */
  readonly nextOffset: number;
  /** Of these records as they are encoded, after decompression. */
  readonly bytes: number;
}

/** Control records start with a version and a type, both int16 (KIP-98). */
const ABORT_TYPE = 0;

/**
 * Reads a fetched partition from an offset on under read_committed, as much at a time as is wanted: records that are made
 * only when they are taken die young, and cost the garbage collector a third of what a whole response of them costs.
 *
 * After the Java client (`CompletedFetch`): the aborted transactions are opened in order of their *first* offset, all of
 * them up to the batch at hand; one closes only at an abort marker in a control batch of its producer; data batches that
 * are transactional and whose producer is open are dropped whole, and so are control batches. Keys of data records mean
 * nothing here.
 */
export class CommittedCursor {
  readonly #pending: readonly AbortedTransaction[];
  readonly #aborting = new Set<bigint>();
  #opened = 0;
  #batch = 0;
  #walk: BatchWalk | UnreadBatch | undefined;
  #position: number;
  #failure: unknown;

  /** A batch that unpacks to more than `unpackedBytesMax`, or not at all, is one record without bytes. */
  constructor(
    readonly partition: FetchedPartition,
    readonly fromOffset: number,
    readonly unpackedBytesMax?: number,
  ) {
    this.#pending = [...partition.abortedTransactions].sort(byFirstOffset);
    this.#position = fromOffset;
  }

  /** The offset that the next record is looked for from. */
  get position(): number {
    return this.#position;
  }

  /** The batch that lies just below the position. */
  get below(): RecordBatch | undefined {
    const { batches } = this.partition;
    let at = this.#batch - 1;
    while (at >= 0 && (batches[at]?.baseOffset ?? 0) >= this.#position) at--;
    return batches[at];
  }

  /** True once nothing is left to take; false while a failure is still to be thrown. */
  get done(): boolean {
    return this.#failure === undefined && this.#walk === undefined &&
      this.#batch === this.partition.batches.length;
  }

  /**
   * The next records; none once nothing visible is left. Where a batch is broken, the records before it are handed out
   * first, and each take after that throws.
   *
   * @throws {CodecError} `corrupt` where a checksum does not match or a record leaves its frame, `unsupported` for an
   * unknown codec
   */
  take(bounds: TakeBounds): CommittedRecords {
    const records: ReadRecord[] = [];
    if (this.#failure !== undefined) throw this.#failure;
    let bytes = 0;
    try {
      bytes = this.#fill(records, bounds);
    } catch (error) {
      this.#failure = error;
      if (records.length === 0) throw error;
    }
    return { records, nextOffset: this.#position, bytes };
  }

  /** The same, for a caller that has records in hand: undefined where nothing but a broken batch is left, which `take` throws. */
  tryTake(bounds: TakeBounds): CommittedRecords | undefined {
    try {
      return this.take(bounds);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      return undefined;
    }
  }

  #fill(records: ReadRecord[], { recordsMax, bytesMax }: TakeBounds): number {
    let bytes = 0;
    for (let walk = this.#current(); walk; walk = this.#current()) {
      const before = records.length;
      try {
        const room = { recordsMax: recordsMax - before, bytesMax: bytesMax - bytes };
        bytes += walk.take(records, room);
      } catch (error) {
        records.length = before;
        throw error;
      }
      this.#position = Math.max(this.#position, walk.position);
      if (!walk.done) break;
      this.#walk = undefined;
    }
    return bytes;
  }

  /** The walk over the next batch that is visible, past those that are not. */
  #current(): BatchWalk | UnreadBatch | undefined {
    while (this.#walk === undefined && this.#batch < this.partition.batches.length) {
      const batch = this.partition.batches[this.#batch++];
      if (!batch) break;
      verifyChecksum(batch);
      if (this.#isVisible(batch) && batch.lastOffset >= this.fromOffset) {
        this.#walk = this.#open(batch);
      } else this.#position = Math.max(this.#position, batch.lastOffset + 1);
    }
    return this.#walk;
  }

  #open(batch: RecordBatch): BatchWalk | UnreadBatch {
    try {
      return new BatchWalk(batch, this.fromOffset, this.unpackedBytesMax);
    } catch (error) {
      if (!(error instanceof CodecError) || error.fault !== "unpackable") throw error;
      return new UnreadBatch(batch, this.fromOffset, error.message);
    }
  }

  #isVisible(batch: RecordBatch): boolean {
    for (; this.#opened < this.#pending.length; this.#opened++) {
      const transaction = this.#pending[this.#opened];
      if (!transaction || transaction.firstOffset > batch.lastOffset) break;
      this.#aborting.add(transaction.producerId);
    }
    if (batch.isControl) {
      if (isAbortMarker(batch)) this.#aborting.delete(batch.producerId);
      return false;
    }
    return !(batch.isTransactional && this.#aborting.has(batch.producerId));
  }
}

/** All of a fetched partition at once; see {@linkcode CommittedCursor}. */
export function committedRecords(
  partition: FetchedPartition,
  fromOffset: number,
): CommittedRecords {
  const all = { recordsMax: Infinity, bytesMax: Infinity };
  return new CommittedCursor(partition, fromOffset).take(all);
}

/** Where the fetch after this one starts, read from the batches' headers alone. */
export function nextFetchOffset({ batches }: FetchedPartition, fromOffset: number): number {
  return Math.max(fromOffset, (batches.at(-1)?.lastOffset ?? -1) + 1);
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
  const { topic, partition, offset, timestamp, key, value, headers, unread } = record;
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: key && key.slice(),
    value: value && value.slice(),
    headers: headers.map(([name, bytes, nameBytes]) =>
      nameBytes
        ? [name, bytes && bytes.slice(), nameBytes.slice()] as const
        : [name, bytes && bytes.slice()] as const
    ),
    ...(unread && { unread }),
  };
}
