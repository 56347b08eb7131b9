/** Walks over the records of one batch, as many at a time as wanted. Owns its place, never decides visibility. */
import { CodecError } from "./codec_error.ts";
import { crc32c } from "./crc32c.ts";
import { decompress } from "./decompress.ts";
import { FetchedRecord, type ReadRecord, type RecordBytes } from "./fetched_record.ts";
import { skipHeaders } from "./read_headers.ts";
import {
  asBuffer,
  BATCH_HEADER_BYTES,
  CRC_COVERS_FROM,
  describeBatch,
  type RecordBatch,
} from "./record_batch.ts";
import { VarintReader } from "./varint_reader.ts";

/** How much to take. The first record is taken whatever its bytes, or it would be waited for for ever. */
export interface TakeBounds {
  readonly recordsMax: number;
  /** Of records as they are encoded, after decompression. */
  readonly bytesMax: number;
}

/**
 * The Java client checks it by default (`check.crcs`), kafkajs never. It covers the header's producer, flags and last
 * offset too, so it must be checked before those decide what is visible and where to go on.
 *
 * @throws {CodecError} `corrupt`
 */
export function verifyChecksum(batch: RecordBatch): void {
  const found = crc32c(batch.bytes, CRC_COVERS_FROM);
  if (found !== batch.crc) {
    throw new CodecError(
      "corrupt",
      `Cannot decode ${
        describeBatch(batch)
      }: its checksum is ${found} and should be ${batch.crc}; ` +
        `fetch it again, and look at the broker's disk if it stays`,
    );
  }
}

/** The key of a control batch's first record, or undefined where compaction has left no record. */
export function controlKey(batch: RecordBatch): Uint8Array | undefined {
  const records: ReadRecord[] = [];
  new BatchWalk(batch, 0).take(records, { recordsMax: 1, bytesMax: Infinity });
  return records[0]?.key ?? undefined;
}

/** A walk over one batch, whose checksum was verified before. Opening it decompresses. */
export class BatchWalk {
  readonly #within: RecordBytes;
  readonly #reader: VarintReader;
  readonly #fromDelta: number;
  readonly #lastDelta: number;
  #left: number;
  #lastTaken = -1;

  /** @throws {CodecError} `unsupported` for an unknown codec, `unpackable` where it cannot be decompressed */
  constructor(readonly batch: RecordBatch, fromOffset: number, unpackedBytesMax?: number) {
    // Compaction leaves empty batches behind to keep a producer's last sequence; there is nothing to decompress.
    const plain = batch.codec === 0 || batch.bytes.length === BATCH_HEADER_BYTES;
    const bytes = plain
      ? batch.bytes
      : decompress(batch, batch.bytes.subarray(BATCH_HEADER_BYTES), unpackedBytesMax);
    this.#within = { batch, bytes, buffer: asBuffer(bytes) };
    this.#reader = new VarintReader(bytes, plain ? BATCH_HEADER_BYTES : 0, bytes.length);
    this.#fromDelta = fromOffset - batch.baseOffset;
    this.#lastDelta = batch.lastOffset - batch.baseOffset;
    this.#left = batch.recordCount;
  }

  /** True once every record was taken. */
  get done(): boolean {
    return this.#left === 0;
  }

  /** The next offset: past what was taken, and past the whole batch once it is done. */
  get position(): number {
    return this.batch.baseOffset + (this.done ? this.#lastDelta : this.#lastTaken) + 1;
  }

  /**
   * Appends the next records to `into`, in offset order, and returns how many bytes they are.
   *
   * @throws {CodecError} `corrupt` where a record leaves its frame or its batch
   */
  take(into: ReadRecord[], bounds: TakeBounds): number {
    try {
      return this.#walk(into, bounds);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      const message = `Cannot decode ${
        describeBatch(this.batch)
      }: ${error.message}; fetch it again`;
      throw new CodecError("corrupt", message, { cause: error });
    }
  }

  #walk(into: ReadRecord[], { recordsMax, bytesMax }: TakeBounds): number {
    const within = this.#within;
    const reader = this.#reader;
    const bytesTotal = within.bytes.length;
    let previousDelta = this.#lastTaken;
    let left = this.#left;
    let taken = 0;
    let bytes = 0;
    while (left > 0 && taken < recordsMax) {
      const start = reader.position;
      const length = reader.varint();
      const end = reader.position + length;
      if (length < 0 || end > bytesTotal) {
        throw new CodecError("corrupt", `a record at byte ${start} claims ${length} bytes`);
      }
      if (bytes + end - start > bytesMax && into.length > 0) {
        reader.position = start;
        break;
      }
      reader.byte(); // record attributes: none are defined
      const timestampDelta = reader.varlong();
      const offsetDelta = reader.varint();
      const keyBytes = reader.varint();
      const keyAt = keyBytes === -1 ? -1 : reader.skip(keyBytes);
      const valueBytes = reader.varint();
      const valueAt = valueBytes === -1 ? -1 : reader.skip(valueBytes);
      const headersAt = reader.position;
      const headerCount = reader.varint();
      if (headerCount !== 0) skipHeaders(reader, headerCount);
      if (reader.position !== end) {
        throw new CodecError("corrupt", `a record ends at byte ${reader.position}, not ${end}`);
      }
      if (offsetDelta <= previousDelta || offsetDelta > this.#lastDelta) {
        throw new CodecError("corrupt", `offset delta ${offsetDelta} follows ${previousDelta}`);
      }
      previousDelta = offsetDelta;
      left--;
      if (offsetDelta < this.#fromDelta) continue;
      taken++;
      bytes += end - start;
      into.push(
        new FetchedRecord(
          within,
          offsetDelta,
          timestampDelta,
          keyAt,
          keyBytes === -1 ? -1 : keyAt + keyBytes,
          valueAt,
          valueBytes === -1 ? -1 : valueAt + valueBytes,
          headerCount === 0 ? 0 : headersAt,
        ),
      );
    }
    this.#left = left;
    this.#lastTaken = previousDelta;
    if (left === 0 && reader.position !== bytesTotal) {
      throw new CodecError("corrupt", `${bytesTotal - reader.position} bytes follow its records`);
    }
    return bytes;
  }
}
