/** Encodes records into one batch of message format 2 (KIP-98). Owns the layout, never partitioning or sequences. */
import { Buffer } from "node:buffer";
import type { Header } from "../../core/record.ts";
import { ByteWriter, varintBytes } from "./byte_writer.ts";
import { CodecError } from "./codec_error.ts";
import { compress, type Compression, compressionCodes } from "./compress.ts";
import { crc32c } from "./crc32c.ts";
import { BATCH_HEADER_BYTES, CRC_COVERS_FROM, LOG_OVERHEAD } from "./record_batch.ts";

/**
 * A record as it can be written: core's `OutputRecord` is one. A key or value given as a string is written as UTF-8
 * straight into the batch, which costs a tenth of making bytes of it first (`deno bench tests/bench/codec_bench.ts`).
 */
export interface WritableRecord {
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: readonly Header[];
  /** Milliseconds since the epoch; the batch's `timestampMs` where absent. */
  readonly timestamp?: number;
}

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
/** More than a record's fixed fields take, its varints at their longest. */
const RECORD_OVERHEAD = 40;

/** One batch as bytes, with offset 0 and leader epoch 0 as kafkajs has them: the broker sets both. */
export function encodeRecordBatch(input: RecordBatchInput): Uint8Array {
  const writer = new ByteWriter(batchBytesExpected(input.records));
  writeRecordBatch(writer, input);
  return writer.memory.subarray(0, writer.position);
}

/** Near enough to the bytes of a batch that its buffer need not grow when the text is ASCII. */
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
    const plain = new ByteWriter(batchBytesExpected(records));
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
  let delta = 0;
  for (const record of records) {
    const timestampDelta = (record.timestamp ?? timestampMs) - first;
    writeRecord(writer, record, timestampDelta, delta++);
  }
}

/** Text is taken for ASCII, which it nearly always is; where it was not, the record is written again with true lengths. */
function writeRecord(
  writer: ByteWriter,
  record: WritableRecord,
  timestampDelta: number,
  offsetDelta: number,
): void {
  const { key, value, headers } = record;
  const start = writer.position;
  const keyBytes = key === null ? -1 : key.length;
  const valueBytes = value === null ? -1 : value.length;
  if (tryRecord(writer, record, timestampDelta, offsetDelta, keyBytes, valueBytes, headers)) return;
  writer.position = start;
  const keyTrue = typeof key === "string" ? Buffer.byteLength(key) : keyBytes;
  const valueTrue = typeof value === "string" ? Buffer.byteLength(value) : valueBytes;
  if (tryRecord(writer, record, timestampDelta, offsetDelta, keyTrue, valueTrue, headers)) return;
  throw new CodecError("unsupported", "Cannot encode a record: its text changed while it was read");
}

function tryRecord(
  writer: ByteWriter,
  { key, value }: WritableRecord,
  timestampDelta: number,
  offsetDelta: number,
  keyBytes: number,
  valueBytes: number,
  headers: readonly Header[],
): boolean {
  const headerCount = headers.length;
  const bodyBytes = 1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta) +
    varintBytes(keyBytes) + Math.max(0, keyBytes) +
    varintBytes(valueBytes) + Math.max(0, valueBytes) +
    (headerCount === 0 ? 1 : headersBytes(headers));
  writer.varint(bodyBytes);
  writer.int8(0);
  writer.varlong(timestampDelta);
  writer.varint(offsetDelta);
  writer.varint(keyBytes);
  if (key !== null && !writeField(writer, key, keyBytes)) return false;
  writer.varint(valueBytes);
  if (value !== null && !writeField(writer, value, valueBytes)) return false;
  writer.varint(headerCount);
  if (headerCount > 0) writeHeaders(writer, headers);
  return true;
}

function writeField(writer: ByteWriter, field: Uint8Array | string, bytes: number): boolean {
  if (typeof field === "string") return writer.text(field) === bytes;
  writer.raw(field);
  return true;
}

function writeHeaders(writer: ByteWriter, headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    writer.varint(Buffer.byteLength(name));
    writer.text(name);
    writer.varint(value === null ? -1 : value.length);
    if (value !== null) writer.raw(value);
  }
}

function headersBytes(headers: readonly Header[]): number {
  let bytes = varintBytes(headers.length);
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
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
