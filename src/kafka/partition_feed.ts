/**
 * One partition's records between the fetcher, which fills it, and a lane, which empties it in order.
 *
 * It owns the position guard: an answer counts only when it was asked for from the very offset that is wanted next, so
 * no seek, rebalance or late answer can skip or repeat a record (KAFKAJS.md, row 11).
 */
import type { LogRange, PartitionReader, RecordRun, RunBounds } from "../core/ports.ts";
import type { InputRecord, TopicPartition } from "../core/record.ts";
import type { FetchedPartition } from "./codec/decode_fetch_response.ts";
import { committedRecords } from "./codec/committed_records.ts";

/** Records that arrived together. */
interface Chunk {
  readonly records: readonly InputRecord[];
  readonly nextOffset: number;
  readonly bytesPerRecord: number;
  taken: number;
}

/** What a feed needs from its surroundings. */
export interface FeedOptions {
  /** No more is fetched while this much waits, bytes. */
  readonly bufferBytesMax: number;
  readonly range: () => Promise<LogRange>;
  /** Called when the feed wants more again. */
  readonly onHungry: () => void;
}

/** See the file's first lines. */
export class PartitionFeed implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  #position = -1;
  #fetchPosition = -1;
  #chunks: Chunk[] = [];
  #bytes = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor({ topic, partition }: TopicPartition, readonly options: FeedOptions) {
    this.topic = topic;
    this.partition = partition;
  }

  get position(): number {
    return this.#position;
  }

  /** The offset to fetch from, or undefined when nothing is wanted now. */
  get wanted(): number | undefined {
    const full = this.#bytes >= this.options.bufferBytesMax;
    return full || this.#failure || this.#fetchPosition < 0 ? undefined : this.#fetchPosition;
  }

  seek(offset: number): void {
    this.#position = this.#fetchPosition = offset;
    this.#chunks = [];
    this.#bytes = 0;
    this.#failure = undefined;
    this.options.onHungry();
  }

  /** Takes the answer to a fetch that started at `fetchedFrom`. A stale answer is dropped. */
  accept(fetchedFrom: number, answer: FetchedPartition): void {
    if (fetchedFrom !== this.#fetchPosition) return;
    const { records, nextOffset } = committedRecords(answer, fetchedFrom);
    if (nextOffset <= fetchedFrom) return;
    const bytes = answer.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const bytesPerRecord = records.length > 0 ? bytes / records.length : 0;
    this.#chunks.push({ records, nextOffset, bytesPerRecord, taken: 0 });
    this.#bytes += bytesPerRecord * records.length;
    this.#fetchPosition = nextOffset;
    this.#wake?.();
  }

  /** Makes every coming `next` reject, until a seek. */
  fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  range(): Promise<LogRange> {
    return this.options.range();
  }

  async next(bounds: RunBounds, signal: AbortSignal): Promise<RecordRun> {
    while (this.#chunks.length === 0) {
      signal.throwIfAborted();
      if (this.#failure) throw this.#failure;
      await this.#arrival(signal);
    }
    signal.throwIfAborted();
    return this.#take(bounds);
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
    });
  }

  #take({ recordsMax, bytesMax }: RunBounds): RecordRun {
    const records: InputRecord[] = [];
    let bytes = 0;
    for (let chunk = this.#chunks[0]; chunk; chunk = this.#chunks[0]) {
      const size = chunk.bytesPerRecord;
      // One record always fits, or a record over the bound would wait for ever.
      const room = Math.min(
        recordsMax - records.length,
        size > 0
          ? Math.max(Math.floor((bytesMax - bytes) / size), records.length === 0 ? 1 : 0)
          : Infinity,
      );
      const left = chunk.records.length - chunk.taken;
      const count = Math.min(room, left);
      for (let i = 0; i < count; i++) {
        const record = chunk.records[chunk.taken + i];
        if (record) records.push(record);
      }
      chunk.taken += count;
      bytes += count * size;
      if (count < left) {
        const last = records.at(-1);
        if (last) this.#position = last.offset + 1;
        break;
      }
      this.#position = chunk.nextOffset;
      this.#chunks.shift();
    }
    const wasFull = this.wanted === undefined;
    this.#bytes = Math.max(0, this.#bytes - bytes);
    if (wasFull && this.wanted !== undefined) this.options.onHungry();
    return { records, nextOffset: this.#position };
  }
}
