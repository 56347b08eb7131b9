/**
 * One partition's records between the fetcher, which fills it, and a lane, which empties it in order.
 *
 * It owns the position guard: an answer counts only when it was asked for from the very offset that is wanted next, so
 * no seek, rebalance or late answer can skip or repeat a record.
 */
import type { BatchBounds, InputBatch, LogRange, PartitionReader } from "../core/ports.ts";
import { formatPartition, type InputRecord, type TopicPartition } from "../core/record.ts";
import { CodecError } from "./codec/codec_error.ts";
import type { FetchedPartition } from "./codec/decode_fetch_response.ts";
import { CommittedCursor, nextFetchOffset } from "./codec/committed_records.ts";
import { unreadableError } from "./read_halts.ts";
import { formatMark, type LogMark, markOf, parseMark } from "./log_mark.ts";

/** What one fetch brought; its records are made when they are taken, so that they die young. */
interface Chunk {
  readonly cursor: CommittedCursor;
  readonly bytes: number;
}

/** What a feed needs from its surroundings. */
export interface FeedOptions {
  /** No more is fetched while this much waits, bytes. */
  readonly bufferBytesMax: () => number;
  /** A batch that unpacks to more is one record without bytes. */
  readonly unpackedBytesMax?: number;
  readonly range: () => Promise<LogRange>;
  readonly topicId: () => Promise<string | undefined>;
  readonly divergence: (mark: LogMark, signal?: AbortSignal) => Promise<string | undefined>;
  /** Called when the feed wants more again. */
  readonly onHungry: () => void;
  /** Told how many bytes more wait, or fewer. */
  readonly onHeld?: (change: number) => void;
}

/** See the file's first lines. */
export class PartitionFeed implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  #position = -1;
  #fetchPosition = -1;
  #chunks: Chunk[] = [];
  /** What waits. */
  #bytes = 0;
  /** The batches just below the two positions. */
  #below: LogMark | undefined;
  #fetchedBelow: LogMark | undefined;
  #checked: LogMark | undefined;
  #topicId: string | undefined;
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
    const full = this.#bytes >= this.options.bufferBytesMax();
    return full || this.#failure || this.#fetchPosition < 0 ? undefined : this.#fetchPosition;
  }

  get mark(): string | undefined {
    return this.#below && formatMark(this.#below);
  }

  /** The batch just below the offset that is wanted next, where it was read. */
  get fetchedBelow(): LogMark | undefined {
    return this.#fetchedBelow;
  }

  /** The topic that is read: the one that had this name when somebody last asked for its identity. */
  get readId(): string | undefined {
    return this.#topicId;
  }

  /** Names the topic where nobody has asked for its identity. */
  pin(topicId: string): void {
    this.#topicId ??= topicId;
  }

  seek(offset: number): void {
    // The mark of a committed offset is put down when it is checked, just before the seek to it.
    if (this.#checked?.lastOffset !== offset - 1) this.#checked = undefined;
    this.#below = this.#fetchedBelow = this.#checked;
    this.#checked = undefined;
    this.#position = this.#fetchPosition = offset;
    this.#drop();
    this.#failure = undefined;
    this.options.onHungry();
  }

  /** Takes the answer to a fetch that started at `fetchedFrom`. A stale answer is dropped. */
  accept(fetchedFrom: number, answer: FetchedPartition): void {
    if (fetchedFrom !== this.#fetchPosition) return;
    const nextOffset = nextFetchOffset(answer, fetchedFrom);
    if (nextOffset <= fetchedFrom) {
      if (answer.failure) throw answer.failure;
      if (answer.truncatedBytes > 0) throw tooLarge(this, fetchedFrom);
      return;
    }
    const bytes = answer.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const cursor = new CommittedCursor(answer, fetchedFrom, this.options.unpackedBytesMax);
    this.#chunks.push({ cursor, bytes });
    this.#hold(bytes);
    this.#fetchPosition = nextOffset;
    const last = answer.batches.at(-1);
    if (last) this.#fetchedBelow = markOf(last);
    this.#wake?.();
  }

  /** Nobody reads it any more: nothing waits, and nothing is wanted. */
  close(): void {
    this.#fetchPosition = -1;
    this.#drop();
  }

  #drop(): void {
    this.#chunks = [];
    this.#hold(-this.#bytes);
  }

  #hold(change: number): void {
    this.#bytes += change;
    this.options.onHeld?.(change);
  }

  /** Makes every coming `next` reject, until a seek. */
  fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  range(): Promise<LogRange> {
    return this.options.range();
  }

  async topicId(): Promise<string | undefined> {
    return this.#topicId = await this.options.topicId();
  }

  async divergence(text: string): Promise<string | undefined> {
    const mark = parseMark(text);
    if (!mark) return undefined;
    const found = await this.options.divergence(mark);
    if (found === undefined) this.#checked = mark;
    return found;
  }

  async next(bounds: BatchBounds, signal: AbortSignal): Promise<InputBatch> {
    while (this.#chunks.length === 0) {
      signal.throwIfAborted();
      if (this.#failure) throw this.#failure;
      await this.#arrival(signal);
    }
    signal.throwIfAborted();
    try {
      return this.#take(bounds);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      throw unreadableError(this, error);
    }
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

  #take({ recordsMax, bytesMax }: BatchBounds): InputBatch {
    const records: InputRecord[] = [];
    const wasFull = this.wanted === undefined;
    let bytes = 0;
    for (let chunk = this.#chunks[0]; chunk; chunk = this.#chunks[0]) {
      if (records.length >= recordsMax || records.length > 0 && bytes >= bytesMax) break;
      const room = { recordsMax: recordsMax - records.length, bytesMax: bytesMax - bytes };
      const taken = records.length > 0 ? chunk.cursor.tryTake(room) : chunk.cursor.take(room);
      if (!taken) break;
      for (const record of taken.records) records.push(record);
      bytes += taken.bytes;
      this.#position = taken.nextOffset;
      const { below } = chunk.cursor;
      if (below) this.#below = markOf(below);
      if (!chunk.cursor.done) break;
      this.#chunks.shift();
      this.#hold(-chunk.bytes);
    }
    if (wasFull && this.wanted !== undefined) this.options.onHungry();
    return { records, nextOffset: this.#position, mark: this.mark };
  }
}

function tooLarge(feed: TopicPartition, offset: number): CodecError {
  return new CodecError(
    "unsupported",
    `Cannot read ${
      formatPartition(feed)
    } at offset ${offset}: the broker sent a part of a batch only`,
  );
}
