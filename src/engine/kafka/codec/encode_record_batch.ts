/** Encodes records into one batch of message format 2 (KIP-98). Owns the layout, never partitioning or sequences. */
import type { Header } from "../../core/record.ts";
import { ByteWriter, varintBytes } from "./byte_writer.ts";
import { CodecError } from "./codec_error.ts";
import { compress, type Compression, compressionCodes } from "./compress.ts";
import { crc32c } from "./crc32c.ts";
import { headerNameBytes } from "./header_name_bytes.ts";
import { StagedText } from "./staged_text.ts";
import type { WritableRecord } from "./writable_record.ts";
import { BATCH_HEADER_BYTES, CRC_COVERS_FROM, LOG_OVERHEAD } from "./record_batch.ts";

/** Records for one partition, and who writes them. */
export interface RecordBatchInput {
  readonly records: readonly WritableRecord[];
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly transactional: boolean;
  /** Milliseconds since the epoch, for records that have no time of their own. */
  readonly timestampMs: number;
  readonly compression?: Compression;
}

const MAGIC = 2;
const TRANSACTIONAL = 0x10;
/** More than a record's fixed fields take (36), its varints at their longest: what is staged lies behind all of them. */
const RECORD_OVERHEAD = 40;

/** One batch as bytes, with offset 0 and leader epoch 0 as kafkajs has them: the broker sets both. */
export function encodeRecordBatch(input: RecordBatchInput): Uint8Array {
  const writer = new ByteWriter(2 * batchBytesExpected(input.records));
  writeRecordBatch(writer, input);
  return writer.memory.subarray(0, writer.position);
}

/** At least the bytes of an uncompressed batch whose text is ASCII. */
export function batchBytesExpected(records: readonly WritableRecord[]): number {
  let bytes = BATCH_HEADER_BYTES;
  for (const { key, value, headers } of records) {
    bytes += RECORD_OVERHEAD + (key === null ? 0 : key.length) +
      (value === null ? 0 : value.length);
    if (headers.length > 0) bytes += headersBytes(headers);
  }
  return bytes;
}

/**
 * Appends one batch to what the writer holds.
 *
 * @throws {CodecError} for no records: a broker refuses an empty batch
 */
export function writeRecordBatch(writer: ByteWriter, input: RecordBatchInput): void {
  const { records, timestampMs, compression = "none" } = input;
  if (records.length === 0) {
    throw new CodecError("unsupported", "Cannot encode a record batch without records");
  }
  const { first, last } = timeSpan(records, timestampMs);
  const start = writer.position;
  writer.int64(0); // base offset
  writer.int32(0); // length, set below
  writer.int32(0); // partition leader epoch
  writer.int8(MAGIC);
  writer.int32(0); // checksum, set below
  writer.int16(compressionCodes[compression] | (input.transactional ? TRANSACTIONAL : 0));
  writer.int32(records.length - 1);
  writer.int64(first);
  writer.int64(last);
  writer.bigInt64(input.producerId);
  writer.int16(input.producerEpoch);
  writer.int32(input.firstSequence);
  writer.int32(records.length);
  if (compression === "none") {
    writeRecords(writer, records, timestampMs, first);
  } else {
    const plain = new ByteWriter(2 * batchBytesExpected(records));
    writeRecords(plain, records, timestampMs, first);
    writer.raw(compress(compression, plain.memory.subarray(0, plain.position)));
  }
  writer.patchInt32(start + 8, writer.position - start - LOG_OVERHEAD);
  writer.patchInt32(start + 17, crc32c(writer.memory, start + CRC_COVERS_FROM, writer.position));
}

function timeSpan(
  records: readonly WritableRecord[],
  timestampMs: number,
): { first: number; last: number } {
  let first = Infinity;
  let last = -Infinity;
  for (const { timestamp = timestampMs } of records) {
    if (timestamp < first) first = timestamp;
    if (timestamp > last) last = timestamp;
  }
  return { first, last };
}

function writeRecords(
  writer: ByteWriter,
  records: readonly WritableRecord[],
  timestampMs: number,
  first: number,
): void {
  const text = new StagedText(writer, records, batchBytesExpected(records));
  let offsetDelta = 0;
  for (const { key, value, headers, timestamp = timestampMs } of records) {
    const keyBytes = text.bytesOf(key);
    const valueBytes = text.bytesOf(value);
    const timestampDelta = timestamp - first;
    writer.varint(
      1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta) +
        varintBytes(keyBytes) + (keyBytes < 0 ? 0 : keyBytes) +
        varintBytes(valueBytes) + (valueBytes < 0 ? 0 : valueBytes) +
        (headers.length === 0 ? 1 : headersBytes(headers)),
    );
    writer.int8(0);
    writer.varlong(timestampDelta);
    writer.varint(offsetDelta++);
    writer.varint(keyBytes);
    text.write(key);
    writer.varint(valueBytes);
    text.write(value);
    writer.varint(headers.length);
    if (headers.length > 0) writeHeaders(writer, headers);
  }
}

function writeHeaders(writer: ByteWriter, headers: readonly Header[]): void {
  for (const [name, value, raw] of headers) {
    const nameBytes = raw ?? headerNameBytes(name);
    writer.varint(nameBytes.length);
    writer.raw(nameBytes);
    writer.varint(value === null ? -1 : value.length);
    if (value !== null) writer.raw(value);
  }
}

function headersBytes(headers: readonly Header[]): number {
  let bytes = varintBytes(headers.length);
  for (const [name, value, raw] of headers) {
    const nameBytes = (raw ?? headerNameBytes(name)).length;
    bytes += varintBytes(nameBytes) + nameBytes;
    bytes += value === null ? 1 : varintBytes(value.length) + value.length;
  }
  return bytes;
}

function varlongBytes(value: number): number {
  if (value === (value | 0)) return varintBytes(value);
  let left = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  let bytes = 1;
  while (left > 0x7fn) {
    left >>= 7n;
    bytes++;
  }
  return bytes;
}
