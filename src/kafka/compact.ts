/** Reads and writes the "compact" encodings of flexible protocol versions (KIP-482), which kafkajs lacks. */

/** Appends fields to one request body. */
export class CompactWriter {
  #bytes: number[] = [];

  uvarint(value: number): this {
    for (; value > 127; value >>>= 7) this.#bytes.push((value & 127) | 128);
    this.#bytes.push(value);
    return this;
  }

  int16(value: number): this {
    this.#bytes.push(value >>> 8 & 255, value & 255);
    return this;
  }

  int32(value: number): this {
    this.#bytes.push(value >>> 24 & 255, value >>> 16 & 255, value >>> 8 & 255, value & 255);
    return this;
  }

  int64(value: bigint): this {
    return this.int32(Number(BigInt.asIntN(32, value >> 32n))).int32(
      Number(BigInt.asIntN(32, value)),
    );
  }

  /** Bytes without a length. */
  raw(value: Uint8Array): this {
    this.#bytes.push(...value);
    return this;
  }

  boolean(value: boolean): this {
    this.#bytes.push(value ? 1 : 0);
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.uvarint(0);
    const bytes = new TextEncoder().encode(value);
    this.uvarint(bytes.length + 1);
    this.#bytes.push(...bytes);
    return this;
  }

  arrayLength(length: number): this {
    return this.uvarint(length + 1);
  }

  /** An empty tag buffer. */
  tags(): this {
    return this.uvarint(0);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Takes fields from one answer, in order. Throws a RangeError when the answer is shorter than its fields. */
export class CompactReader {
  #at = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#view.getUint8(this.#at++);
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new RangeError("a variable-length integer has more than five bytes");
  }

  int16(): number {
    this.#at += 2;
    return this.#view.getInt16(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#view.getBigInt64(this.#at - 8);
  }

  /** So many bytes without a length. */
  raw(length: number): Uint8Array {
    const start = this.#at;
    if (start + length > this.bytes.length) throw new RangeError("the answer ends within a field");
    this.#at += length;
    return this.bytes.subarray(start, this.#at);
  }

  string(): string | null {
    const length = this.uvarint() - 1;
    if (length < 0) return null;
    this.#at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.#at - length, this.#at));
  }

  array<T>(element: () => T): T[] {
    return Array.from({ length: this.uvarint() - 1 }, element);
  }

  /** Skips a tag buffer. */
  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint();
      this.#at += this.uvarint();
    }
  }
}
