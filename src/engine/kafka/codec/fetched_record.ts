/** A record that was fetched, as positions in its batch's bytes. Owns nothing: reading a field is what costs. */
import type { Buffer } from "node:buffer";
import type { Header, InputRecord } from "../../core/record.ts";
import type { RecordBatch } from "./record_batch.ts";
import { lastHeaderValue, readHeaders } from "./read_headers.ts";

/** The bytes that a batch's records lie in: the batch itself, or what it decompressed to. */
export interface RecordBytes {
  readonly batch: RecordBatch;
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly buffer: Buffer;
}

/** A record that was read, with quicker ways to its text. */
export interface ReadRecord extends InputRecord {
  readonly valueBytes: number;
  valueText(): string | null;
  keyText(): string | null;
}

const noHeaders: readonly Header[] = Object.freeze([]);

/**
 * An {@linkcode InputRecord} whose fields are read on demand: `key`, `value` and `headers` make a view each time they are
 * asked for, and `valueText()` and `keyText()` decode straight from the response. All of them keep the whole response in
 * memory for as long as the record lives. Spreading it (`{ ...record }`) copies positions, not fields: use `plainRecord`.
 */
export class FetchedRecord implements ReadRecord {
  /** Starts are -1 for null. `#headersAt` is 0 where there are none: no record starts at 0 with headers. */
  constructor(
    private readonly within: RecordBytes,
    private readonly offsetDelta: number,
    private readonly timestampDelta: number,
    private readonly keyAt: number,
    private readonly keyEnd: number,
    private readonly valueAt: number,
    private readonly valueEnd: number,
    private readonly headersAt: number,
  ) {}

  get topic(): string {
    return this.within.batch.source.topic;
  }

  get partition(): number {
    return this.within.batch.source.partition;
  }

  get offset(): number {
    return this.within.batch.baseOffset + this.offsetDelta;
  }

  get timestamp(): number {
    const { batch } = this.within;
    return batch.isLogAppendTime ? batch.maxTimestamp : batch.baseTimestamp + this.timestampDelta;
  }

  get key(): Uint8Array | null {
    return this.keyAt < 0 ? null : this.within.bytes.subarray(this.keyAt, this.keyEnd);
  }

  get value(): Uint8Array | null {
    return this.valueAt < 0 ? null : this.within.bytes.subarray(this.valueAt, this.valueEnd);
  }

  get headers(): readonly Header[] {
    return this.headersAt === 0 ? noHeaders : readHeaders(this.within.bytes, this.headersAt);
  }

  lastHeaderValue(nameBytes: Uint8Array): Uint8Array | null | undefined {
    if (this.headersAt === 0) return undefined;
    return lastHeaderValue(this.within.bytes, this.headersAt, nameBytes);
  }

  /** The bytes of the value, 0 for null. */
  get valueBytes(): number {
    return this.valueEnd - this.valueAt;
  }

  /** The value as UTF-8 text, malformed bytes replaced; null for null. */
  valueText(): string | null {
    return this.valueAt < 0
      ? null
      : this.within.buffer.toString("utf8", this.valueAt, this.valueEnd);
  }

  /** The key as UTF-8 text, malformed bytes replaced; null for null. */
  keyText(): string | null {
    return this.keyAt < 0 ? null : this.within.buffer.toString("utf8", this.keyAt, this.keyEnd);
  }
}
