/** Writes Kafka's fields one after another into one growing buffer. Owns that buffer, never what the fields mean. */
import { Buffer } from "node:buffer";
import { CodecError } from "./codec_error.ts";

const encoder = new TextEncoder();
const INT32_MAX = 0x7fff_ffff;

/** A position in a buffer that grows. Every `write` method appends; `bytes` is what was written. */
export class ByteWriter {
  position: number;
  #bytes: Uint8Array;
  #view: DataView;

  /** `headroom` bytes stay free at the front, for a header that is known only once the rest is written. */
  constructor(bytesExpected: number, readonly headroom = 0) {
    this.position = headroom;
    this.#bytes = new Uint8Array(Math.max(headroom + bytesExpected, 256));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was written, as a Buffer over the same memory. */
  get buffer(): Buffer {
    return Buffer.from(this.#bytes.buffer, this.headroom, this.position - this.headroom);
  }

  /** The same, under the name by which kafkajs knows one of its own encoders. */
  get buf(): Buffer {
    return this.buffer;
  }

  /** The memory behind; ends later than what was written. */
  get memory(): Uint8Array {
    return this.#bytes;
  }

  /** Makes room for `length` more bytes. */
  reserve(length: number): void {
    const needed = this.position + length;
    if (needed <= this.#bytes.length) return;
    if (needed > INT32_MAX) {
      throw new CodecError("unsupported", "Cannot encode more than 2 GiB into one request");
    }
    const grown = new Uint8Array(Math.min(INT32_MAX, Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  int8(value: number): void {
    this.reserve(1);
    this.#bytes[this.position++] = value;
  }

  int16(value: number): void {
    this.reserve(2);
    this.#view.setInt16(this.position, value);
    this.position += 2;
  }

  int32(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.position, value);
    this.position += 4;
  }

  bigInt64(value: bigint): void {
    this.reserve(8);
    this.#view.setBigInt64(this.position, value);
    this.position += 8;
  }

  /** An int64 given as a safe integer. */
  int64(value: number): void {
    this.bigInt64(BigInt(value));
  }

  /** Sets an int32 that was written before, once what it counts is known. */
  patchInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /** A nullable string with an int16 length. */
  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    const lengthAt = this.position;
    this.int16(0);
    const length = this.text(value);
    if (length > 0x7fff) {
      throw new CodecError("unsupported", `Cannot encode a name of ${length} bytes: at most 32767`);
    }
    this.#view.setInt16(lengthAt, length);
  }

  /** UTF-8 without a length; returns how many bytes it took. */
  text(value: string): number {
    this.reserve(value.length * 3);
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.position));
    this.position += written;
    return written;
  }

  /** Encodes text into the room behind the next `length` bytes. Returns where it lies, or -1 if it is not all ASCII. */
  stageAscii(text: string, length: number): number {
    this.reserve(length + text.length);
    const at = this.position + length;
    const target = this.#bytes.subarray(at, at + text.length);
    // ASCII alone takes as many bytes as UTF-16 units: anything else does not fit.
    return encoder.encodeInto(text, target).read === text.length ? at : -1;
  }

  /** Appends bytes that were staged. */
  copyStaged(at: number, length: number): void {
    this.#bytes.copyWithin(this.position, at, at + length);
    this.position += length;
  }

  /** Bytes without a length. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.#bytes.set(value, this.position);
    this.position += value.length;
  }

  /** A zigzag varint of an int32. */
  varint(value: number): void {
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** An unsigned varint of a uint32. */
  uvarint(value: number): void {
    this.reserve(5);
    let left = value;
    while (left > 0x7f) {
      this.#bytes[this.position++] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    this.#bytes[this.position++] = left;
  }

  /** A zigzag varint of a safe integer beyond int32. */
  varlong(value: number): void {
    if (value === (value | 0)) return this.varint(value);
    this.reserve(10);
    let left = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    while (left > 0x7fn) {
      this.#bytes[this.position++] = Number(left & 0x7fn) | 0x80;
      left >>= 7n;
    }
    this.#bytes[this.position++] = Number(left);
  }
}

/** The bytes that a varint of this int32 takes. */
export function varintBytes(value: number): number {
  return uvarintBytes(((value << 1) ^ (value >> 31)) >>> 0);
}

/** The bytes that an unsigned varint of this uint32 takes. */
export function uvarintBytes(raw: number): number {
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x20_0000 ? 3 : raw < 0x1000_0000 ? 4 : 5;
}
