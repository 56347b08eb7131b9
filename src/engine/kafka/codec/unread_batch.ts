/** Stands for a batch that is not unpacked: one record without bytes, which says where it lies and why. Never decides that. */
import type { UnreadRecords } from "../../core/record.ts";
import type { ReadRecord } from "./fetched_record.ts";
import type { RecordBatch } from "./record_batch.ts";

const nothing = {
  key: null,
  value: null,
  headers: [],
  valueBytes: 0,
  valueText: () => null,
  keyText: () => null,
};

/** Taken like a walk over the batch's records. */
export class UnreadBatch {
  done = false;

  constructor(
    readonly batch: RecordBatch,
    readonly fromOffset: number,
    readonly reason: string,
  ) {}

  /** The next offset: past the whole batch once it was taken. */
  get position(): number {
    return this.done ? this.batch.lastOffset + 1 : this.#offset;
  }

  /** Appends the one record; it takes no bytes. */
  take(into: ReadRecord[]): number {
    const { source, maxTimestamp, lastOffset, recordCount, bytes } = this.batch;
    const unread: UnreadRecords = {
      lastOffset,
      records: recordCount,
      batchBytes: bytes.length,
      reason: this.reason,
    };
    into.push({ ...source, offset: this.#offset, timestamp: maxTimestamp, ...nothing, unread });
    this.done = true;
    return 0;
  }

  get #offset(): number {
    return Math.max(this.batch.baseOffset, this.fromOffset);
  }
}
