/** Reads the records of one batch: verifies, decompresses, walks. Owns nothing, never decides visibility. */
import { CodecError } from "./codec_error.ts";
import { crc32c } from "./crc32c.ts";
import { decompress } from "./decompress.ts";
import { FetchedRecord, type RecordBytes } from "./fetched_record.ts";
import { skipHeaders } from "./read_headers.ts";
import {
  asBuffer,
  BATCH_HEADER_BYTES,
  CRC_COVERS_FROM,
  describeBatch,
  type RecordBatch,
} from "./record_batch.ts";
import { VarintReader } from "./varint_reader.ts";

/**
 * Appends the batch's records at or above `fromOffset` to `into`, in offset order. Verify the checksum before.
 *
 * @throws {CodecError} `corrupt` where a record leaves its frame; `unsupported` for a codec that is not at hand
 */
export function readRecords(batch: RecordBatch, fromOffset: number, into: FetchedRecord[]): void {
  try {
    walk(batch, fromOffset, into);
  } catch (error) {
    if (!(error instanceof CodecError) || error.fault !== "corrupt") throw error;
    const message = `Cannot decode ${describeBatch(batch)}: ${error.message}; fetch it again`;
    throw new CodecError("corrupt", message, { cause: error });
  }
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
  const records: FetchedRecord[] = [];
  readRecords(batch, 0, records);
  return records[0]?.key ?? undefined;
}

function walk(batch: RecordBatch, fromOffset: number, into: FetchedRecord[]): void {
  // Compaction leaves such a batch behind to keep a producer's last sequence; its codec has nothing to open.
  if (batch.recordCount === 0 && batch.bytes.length === BATCH_HEADER_BYTES) return;
  const within = recordBytes(batch);
  const { bytes } = within;
  const start = batch.codec === 0 ? BATCH_HEADER_BYTES : 0;
  const reader = new VarintReader(bytes, start, bytes.length);
  const lastDelta = batch.lastOffset - batch.baseOffset;
  const fromDelta = fromOffset - batch.baseOffset;
  let previousDelta = -1;
  for (let left = batch.recordCount; left > 0; left--) {
    const length = reader.varint();
    const end = reader.position + length;
    if (length < 0 || end > bytes.length) {
      throw new CodecError("corrupt", `a record at byte ${reader.position} claims ${length} bytes`);
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
      throw new CodecError("corrupt", `a record ends at byte ${reader.position} instead of ${end}`);
    }
    if (offsetDelta <= previousDelta || offsetDelta > lastDelta) {
      throw new CodecError("corrupt", `offset delta ${offsetDelta} follows ${previousDelta}`);
    }
    previousDelta = offsetDelta;
    if (offsetDelta < fromDelta) continue;
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
  if (reader.position !== bytes.length) {
    throw new CodecError("corrupt", `${bytes.length - reader.position} bytes follow its records`);
  }
}

function recordBytes(batch: RecordBatch): RecordBytes {
  const bytes = batch.codec === 0
    ? batch.bytes
    : decompress(batch, batch.bytes.subarray(BATCH_HEADER_BYTES));
  return { batch, bytes, buffer: asBuffer(bytes) };
}
