/** Cuts the independent reader's output into frames and decodes them. Owns no process and no meaning of a record. */
import type { Header } from "../../engine/core/record.ts";

/** What became of a record: decided by comparing the raw read with the committed read. */
export type RecordState = "committed" | "aborted" | "pending" | "contradicted";

const states: readonly RecordState[] = ["committed", "aborted", "pending", "contradicted"];

/** A record as the independent reader saw it. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly state: RecordState;
  /** SHA-256 of the value's bytes, in hex. */
  readonly valueDigest: string;
  /** SHA-256 over key, value and headers without the omitted ones, in hex: equal for equal bytes only. */
  readonly digest: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
  /**
   * Set where this stands for records that do not fit into the reader's memory: from this offset on up to `offset`, the last
   * one of their batch.
   */
  readonly unreadFrom?: number;
}

/** One frame: a record's bytes, records that were not unpacked, the JSON text that ends a command, or the error text that ends one. */
export interface Frame {
  readonly type: "R" | "U" | "J" | "E";
  readonly payload: Uint8Array;
}

const frameBytesMax = 256 * 1024 * 1024;

/** Collects chunks and gives whole frames; holds at most one frame and one chunk. */
export class FrameBuffer {
  #bytes = new Uint8Array(0);
  #at = 0;
  /** Chunks of a frame that is not whole yet; joined once it is, since a large frame comes in thousands of them. */
  #parts: Uint8Array[] = [];
  #missing = 0;

  push(chunk: Uint8Array): void {
    this.#parts.push(chunk);
    this.#missing -= chunk.length;
    if (this.#missing > 0) return;
    const parts = [this.#bytes.subarray(this.#at), ...this.#parts];
    const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    this.#bytes = joined;
    this.#at = 0;
    this.#parts = [];
    this.#missing = 0;
  }

  /** The next whole frame, a view into the buffer; undefined until more is pushed. */
  take(): Frame | undefined {
    if (this.#bytes.length - this.#at < 5) return undefined;
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at);
    const length = view.getInt32(0);
    if (length < 1 || length > frameBytesMax) {
      throw new Error(`The log reader sent a frame of ${length} bytes: its output is damaged`);
    }
    const missing = 4 + length - (this.#bytes.length - this.#at);
    if (missing > 0) {
      if (this.#parts.length === 0) this.#missing = missing;
      return undefined;
    }
    const type = String.fromCharCode(view.getUint8(4));
    const payload = this.#bytes.subarray(this.#at + 5, this.#at + 4 + length);
    this.#at += 4 + length;
    if (type === "R" || type === "U" || type === "J" || type === "E") return { type, payload };
    throw new Error(`The log reader sent a frame of unknown type ${type}: its output is damaged`);
  }
}

const utf8 = new TextDecoder();

/** Decodes a record frame. Key, value and header values are views into the frame: copy what must outlive it. */
export function decodeLogRecord(payload: Uint8Array): LogRecord {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 85;
  const bytes = (): Uint8Array | null => {
    const length = view.getInt32(at);
    at += 4;
    if (length < 0) return null;
    at += length;
    return payload.subarray(at - length, at);
  };
  const key = bytes();
  const value = bytes();
  const count = view.getInt32(at);
  at += 4;
  const headers: Header[] = [];
  for (let i = 0; i < count; i++) {
    const name = utf8.decode(bytes() ?? new Uint8Array());
    headers.push([name, bytes()]);
  }
  return {
    state: states[view.getUint8(0)] ?? "contradicted",
    partition: view.getInt32(1),
    offset: Number(view.getBigInt64(5)),
    timestamp: Number(view.getBigInt64(13)),
    valueDigest: payload.subarray(21, 53).toHex(),
    digest: payload.subarray(53, 85).toHex(),
    key,
    value,
    headers,
  };
}

/** Decodes a frame that stands for records that were not unpacked. */
export function decodeUnread(payload: Uint8Array): LogRecord {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    state: states[view.getUint8(0)] ?? "contradicted",
    partition: view.getInt32(1),
    offset: Number(view.getBigInt64(5)),
    timestamp: Number(view.getBigInt64(13)),
    unreadFrom: Number(view.getBigInt64(21)),
    valueDigest: "",
    digest: "",
    key: null,
    value: null,
    headers: [],
  };
}
