/**
 * The one writer of Kafka's messages, the counterpart of `wire_reader.ts`: fields in order, in the classic encodings or in
 * the compact ones of flexible versions (KIP-482). Owns no layout of any message.
 */
import { ByteWriter } from "./byte_writer.ts";
import type { WireEncoding } from "./wire_reader.ts";

const encoder = new TextEncoder();

/** Appends fields to one message. */
export class WireWriter {
  readonly #bytes = new ByteWriter(256);

  constructor(readonly encoding: WireEncoding = "compact") {}

  int8(value: number): this {
    this.#bytes.int8(value);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    this.#bytes.int16(value);
    return this;
  }

  int32(value: number): this {
    this.#bytes.int32(value);
    return this;
  }

  int64(value: bigint): this {
    this.#bytes.bigInt64(value);
    return this;
  }

  /** An unsigned variable-length integer of 32 bits. */
  uvarint(value: number): this {
    this.#bytes.uvarint(value);
    return this;
  }

  /** Bytes without a length. */
  raw(value: Uint8Array): this {
    this.#bytes.raw(value);
    return this;
  }

  /** A nullable string. @throws {CodecError} over 32,767 bytes, which the classic encoding cannot say */
  string(value: string | null): this {
    if (this.encoding === "classic") {
      this.#bytes.string(value);
      return this;
    }
    return this.nullableBytes(value === null ? null : encoder.encode(value));
  }

  /** A nullable run of bytes. */
  nullableBytes(value: Uint8Array | null): this {
    this.arrayLength(value?.length ?? -1);
    return value === null ? this : this.raw(value);
  }

  /** How many elements follow; -1 for a null array. */
  arrayLength(length: number): this {
    return this.encoding === "compact" ? this.uvarint(length + 1) : this.int32(length);
  }

  /** Elements, each written by `element`. */
  array<T>(values: readonly T[], element: (value: T) => void): this {
    this.arrayLength(values.length);
    values.forEach(element);
    return this;
  }

  /** The tagged fields that end a structure, by default none; the classic encoding has no place for them. */
  tags(fields: readonly (readonly [tag: number, value: Uint8Array])[] = []): this {
    if (this.encoding === "classic") return this;
    this.uvarint(fields.length);
    for (const [tag, value] of fields) this.uvarint(tag).uvarint(value.length).raw(value);
    return this;
  }

  /** What was written. */
  finish(): Uint8Array {
    return this.#bytes.buffer;
  }
}
