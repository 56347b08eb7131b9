/** Reads Kafka's fixed-width fields in order from one frame. Owns a position, never the bytes. */
import { CodecError } from "./codec_error.ts";

/** A position in a frame of big-endian fields. Reading past the end is a {@linkcode CodecError}. */
export class ByteCursor {
  position = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array, readonly what: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  bigInt64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  /** So many bytes, as a view. */
  take(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, this.position);
  }

  corrupt(problem: string): CodecError {
    return new CodecError("corrupt", `Cannot decode ${this.what}: ${problem}; fetch it again`);
  }

  #take(length: number): number {
    const start = this.position;
    if (length < 0 || start + length > this.bytes.length) {
      throw this.corrupt(`it ends at byte ${this.bytes.length}, within a field of ${length} bytes`);
    }
    this.position = start + length;
    return start;
  }
}

/** An int64 as a number. Throws where a number would not be exact: an offset must never be rounded. */
export function exactInt64(view: DataView, at: number, field: string): number {
  const value = roundedInt64(view, at);
  if (!Number.isSafeInteger(value)) {
    throw new CodecError(
      "unsupported",
      `Cannot decode ${field}: ${
        view.getBigInt64(at)
      } is beyond 2^53, which this client does not hold exactly`,
    );
  }
  return value;
}

/** An int64 as the nearest number, for timestamps: those come from users and must not stop a reader. */
export function roundedInt64(view: DataView, at: number): number {
  return view.getInt32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}
