/** Reads zigzag varints (protobuf's, as Kafka's records have them). Owns a position, never the bytes. */
import { CodecError } from "./codec_error.ts";

/** A position in `bytes`; nothing at or past `end` is read. */
export class VarintReader {
  constructor(readonly bytes: Uint8Array, public position: number, readonly end: number) {}

  /** An int32. The first byte alone holds -64 to 63, which is nearly all there is: lengths, deltas and counts. */
  varint(): number {
    const first = this.byte();
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let raw = first & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      const next = this.byte();
      raw |= (next & 0x7f) << shift;
      if (next < 0x80) {
        if (shift === 28 && next > 0x0f) break;
        return (raw >>> 1) ^ -(raw & 1);
      }
    }
    throw new CodecError("corrupt", `a varint of more than 32 bits ends at byte ${this.position}`);
  }

  /** An int64 as the nearest number: for timestamp deltas, which must not stop a reader. */
  varlong(): number {
    const first = this.byte();
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    const start = this.position - 1;
    let raw = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const next = this.byte();
      raw |= (next & 0x7f) << shift;
      if (next < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    this.position = start;
    return this.#longVarlong();
  }

  /** The next byte. */
  byte(): number {
    if (this.position >= this.end) {
      throw new CodecError("corrupt", `it ends at byte ${this.end}, within a field`);
    }
    return this.bytes[this.position++] ?? 0;
  }

  /** Passes over `length` bytes and returns where they began. */
  skip(length: number): number {
    const start = this.position;
    if (length < 0 || length > this.end - start) {
      throw new CodecError("corrupt", `a field at byte ${start} claims ${length} bytes`);
    }
    this.position = start + length;
    return start;
  }

  #longVarlong(): number {
    let raw = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const next = this.byte();
      raw |= BigInt(next & 0x7f) << shift;
      if (next < 0x80) return Number(BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n)));
    }
    throw new CodecError("corrupt", `a varint of more than 64 bits ends at byte ${this.position}`);
  }
}
