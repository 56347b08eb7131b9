/**
 * The one reader of Kafka's messages: fields in order, in the classic encodings and in the compact ones of flexible
 * versions (KIP-482). Owns no layout of any message; where a field ends lies in `byte_cursor.ts`.
 */
import { ByteCursor } from "./byte_cursor.ts";
import type { CodecError } from "./codec_error.ts";

/** How lengths are written, and whether structures end with tagged fields. */
export type WireEncoding = "compact" | "classic";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A position in one message. Every length and count is checked against the bytes that are left before anything is made of
 * it: a message that is shorter than it claims, or claims more than it holds, is a {@linkcode CodecError}.
 */
export class WireReader {
  readonly #cursor: ByteCursor;

  constructor(
    readonly bytes: Uint8Array,
    readonly encoding: WireEncoding = "compact",
    what = "an answer of the broker",
  ) {
    this.#cursor = new ByteCursor(bytes, what);
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#cursor.remaining;
  }

  int8(): number {
    return this.#cursor.int8();
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  int16(): number {
    return this.#cursor.int16();
  }

  int32(): number {
    return this.#cursor.int32();
  }

  int64(): bigint {
    return this.#cursor.bigInt64();
  }

  /** An unsigned variable-length integer of 32 bits. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.int8() & 0xff;
      value |= (byte & 127) << shift;
      if (byte < 128) {
        if (shift === 28 && byte > 15) break;
        return value >>> 0;
      }
    }
    throw this.#corrupt("a variable-length integer has more than 32 bits");
  }

  /** So many bytes without a length, as a view. */
  raw(length: number): Uint8Array {
    return this.#cursor.take(length);
  }

  /** A nullable string. */
  string(): string | null {
    const length = this.#length(() => this.int16(), "a string");
    return length < 0 ? null : decoder.decode(this.raw(length));
  }

  /** A string that is empty where it is null. */
  text(): string {
    return this.string() ?? "";
  }

  /** A nullable run of bytes, as a view. */
  nullableBytes(): Uint8Array | null {
    const length = this.#length(() => this.int32(), "a byte run");
    return length < 0 ? null : this.raw(length);
  }

  /** Each element in order; a null array is empty. No element takes less than one byte. */
  array<T>(element: () => T): T[] {
    const length = this.#length(() => this.int32(), "an array");
    const found: T[] = [];
    for (let i = 0; i < length; i++) found.push(element());
    return found;
  }

  /** The tagged fields that end a structure; there are none in the classic encoding. Those that `read` is not asked for are passed over. */
  tags(read: (tag: number, value: WireReader) => void = () => {}): void {
    if (this.encoding === "classic") return;
    for (let count = this.uvarint(); count > 0; count--) {
      const tag = this.uvarint();
      // The length is read before the position is: `at += uvarint()` would add to where the length began.
      const length = this.uvarint();
      read(tag, new WireReader(this.raw(length), this.encoding));
    }
  }

  #length(classic: () => number, kind: string): number {
    const length = this.encoding === "compact" ? this.uvarint() - 1 : classic();
    if (length < -1 || length > this.remaining) {
      throw this.#corrupt(`${kind} claims a length of ${length} in ${this.remaining} bytes`);
    }
    return length;
  }

  #corrupt(problem: string): CodecError {
    return this.#cursor.corrupt(problem);
  }
}
