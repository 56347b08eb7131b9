/** One partition of a log in memory, with transactions as Kafka writes them: each ends in a marker that takes an offset. */
import type { BatchBounds, InputBatch, LogRange } from "../core/ports.ts";
import { encodedBytes, formatPartition, type InputRecord } from "../core/record.ts";
import type { OutputRecord } from "../core/record.ts";

/** A transaction, known by identity alone. */
export type TransactionToken = object;

/** A record, or without one the marker of a transaction. */
interface Entry {
  readonly offset: number;
  readonly record?: InputRecord;
  readonly transaction?: TransactionToken;
}

/** What is appended. */
export type NewRecord = Pick<OutputRecord, "key" | "value" | "headers" | "timestamp">;

/** See the file's first line. Readers see what is committed below the first transaction that is open. */
export class MemoryPartition {
  readonly #entries: Entry[] = [];
  /** Open transactions, with the offset of their first record here. */
  readonly #open = new Map<TransactionToken, number>();
  readonly #aborted = new Set<TransactionToken>();

  constructor(readonly topic: string, readonly partition: number) {}

  /** The next offset to be written. */
  get highWatermark(): number {
    const last = this.#entries.at(-1);
    return last ? last.offset + 1 : 0;
  }

  /** From 0 up to the last stable offset. */
  get range(): LogRange {
    return { start: 0, end: Math.min(this.highWatermark, ...this.#open.values()) };
  }

  /**
   * Answers with its offset; one that is given leaves a hole before it, as compaction does.
   *
   * @throws {RangeError} when that is taken already
   */
  append(record: NewRecord, now: number, options: AppendOptions = {}): number {
    const { transaction, offset = this.highWatermark } = options;
    if (offset < this.highWatermark) {
      throw new RangeError(
        `Cannot append at offset ${offset} of ${formatPartition(this)}: the next one is ` +
          `${this.highWatermark}. Give records in the order of their offsets`,
      );
    }
    const { topic, partition } = this;
    const { headers, timestamp = now } = record;
    const [key, value] = [bytesOf(record.key), bytesOf(record.value)];
    this.#entries.push({
      ...{ offset, transaction },
      record: { topic, partition, offset, timestamp, key, value, headers },
    });
    if (transaction && !this.#open.has(transaction)) this.#open.set(transaction, offset);
    return offset;
  }

  /** Writes the marker; nothing where the transaction is not open here. */
  end(transaction: TransactionToken, outcome: "committed" | "aborted"): void {
    if (!this.#open.delete(transaction)) return;
    if (outcome === "aborted") this.#aborted.add(transaction);
    this.#entries.push({ offset: this.highWatermark });
  }

  /** What is committed from an offset on. */
  read(from: number, { recordsMax, bytesMax }: BatchBounds): InputBatch {
    const { end } = this.range;
    const records: InputRecord[] = [];
    let bytes = 0;
    let nextOffset = from;
    for (let index = this.#indexOf(from); index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (!entry || entry.offset >= end) break;
      const { offset, record, transaction } = entry;
      if (record && !(transaction && this.#aborted.has(transaction))) {
        if (records.length >= recordsMax || (records.length > 0 && bytes >= bytesMax)) break;
        records.push(record);
        bytes += encodedBytes(record);
      }
      nextOffset = offset + 1;
    }
    return { records, nextOffset };
  }

  /** The first entry at or behind an offset. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.offset ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** How to append. */
export interface AppendOptions {
  readonly transaction?: TransactionToken;
  readonly offset?: number;
}

const encoder = new TextEncoder();

function bytesOf(field: Uint8Array | string | null): Uint8Array | null {
  return typeof field === "string" ? encoder.encode(field) : field;
}
