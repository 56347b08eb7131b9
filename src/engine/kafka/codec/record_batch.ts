/** One record batch of message format 2 (KIP-98) as it lies in a fetch response. Owns no bytes, never decides visibility. */
import { Buffer } from "node:buffer";
import type { TopicPartition } from "../../core/record.ts";
import { exactInt64, roundedInt64 } from "./byte_cursor.ts";
import { CodecError } from "./codec_error.ts";

/** Bytes before a batch's length starts to count: base offset and the length itself. */
export const LOG_OVERHEAD = 12;
/** Bytes up to and with the magic, at the same place in all message formats. */
const HEADER_UP_TO_MAGIC = 17;
/** Bytes of a batch without records. */
export const BATCH_HEADER_BYTES = 61;
/** The checksum covers everything from the attributes on. */
export const CRC_COVERS_FROM = 21;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** A batch's header, and where its bytes are. */
export interface RecordBatch {
  readonly source: TopicPartition;
  readonly baseOffset: number;
  /** From the header, so that it still counts records that compaction has removed. */
  readonly lastOffset: number;
  /** The epoch of the leader that took it (KIP-320). */
  readonly leaderEpoch: number;
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly codec: number;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly isLogAppendTime: boolean;
  /** Milliseconds since the epoch. */
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  /** -1n where the producer was neither idempotent nor transactional. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
  readonly crc: number;
  /** The whole batch, header and all. */
  readonly bytes: Uint8Array;
}

/** The batches in a partition's record set, and how many bytes of an incomplete last batch were left alone. */
export interface RecordSet {
  readonly batches: readonly RecordBatch[];
  readonly truncatedBytes: number;
  /** Why nothing behind these batches can be read. */
  readonly failure?: CodecError;
}

/**
 * Splits a partition's record set into batches without touching their records. A broker cuts the set at a byte limit, so
 * its last batch may be incomplete: that is left out, as the Java client does. Where a batch is broken, or of a message format
 * of before Kafka 0.11, those before it are handed out beside the error.
 */
export function splitRecordSet(set: Uint8Array, source: TopicPartition): RecordSet {
  const batches: RecordBatch[] = [];
  try {
    return { batches, truncatedBytes: appendBatches(batches, set, source) };
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return { batches, truncatedBytes: 0, failure: error };
  }
}

/** Answers with the bytes that are left over. @throws {CodecError} at the first batch that cannot be read */
function appendBatches(batches: RecordBatch[], set: Uint8Array, source: TopicPartition): number {
  const view = new DataView(set.buffer, set.byteOffset, set.byteLength);
  let at = 0;
  while (set.length - at >= HEADER_UP_TO_MAGIC) {
    const length = view.getInt32(at + 8);
    const magic = view.getInt8(at + 16);
    const where = () => `${source.topic}-${source.partition} at byte ${at} of its record set`;
    if (magic === 0 || magic === 1) {
      throw new CodecError(
        "unsupported",
        `Cannot decode a batch of ${where()}: it has message format ${magic} of before Kafka 0.11; ` +
          `let the broker convert it, or copy the topic with a newer client`,
      );
    }
    if (magic !== 2) {
      throw new CodecError("corrupt", `Cannot decode a batch of ${where()}: magic ${magic}`);
    }
    if (length < BATCH_HEADER_BYTES - LOG_OVERHEAD) {
      throw new CodecError("corrupt", `Cannot decode a batch of ${where()}: length ${length}`);
    }
    const end = at + LOG_OVERHEAD + length;
    if (end > set.length) break;
    const batch = readHeader(view, set, at, end, source);
    // Not under the checksum, and what the next fetch starts from.
    if (batch.baseOffset <= (batches.at(-1)?.lastOffset ?? -1)) {
      throw new CodecError("corrupt", `Cannot decode ${describeBatch(batch)}: it goes back`);
    }
    batches.push(batch);
    at = end;
  }
  return set.length - at;
}

function readHeader(
  view: DataView,
  set: Uint8Array,
  at: number,
  end: number,
  source: TopicPartition,
): RecordBatch {
  const where = `a batch of ${source.topic}-${source.partition}`;
  const baseOffset = exactInt64(view, at, `the base offset of ${where}`);
  const lastOffset = baseOffset + view.getInt32(at + 23);
  const attributes = view.getInt16(at + 21);
  const recordCount = view.getInt32(at + 57);
  if (baseOffset < 0 || lastOffset < baseOffset || recordCount < 0) {
    throw new CodecError(
      "corrupt",
      `Cannot decode ${where}: offsets ${baseOffset} to ${lastOffset} with ${recordCount} records`,
    );
  }
  if (!Number.isSafeInteger(lastOffset + 1)) {
    throw new CodecError("unsupported", `Cannot decode ${where}: its last offset is beyond 2^53`);
  }
  return {
    source,
    baseOffset,
    lastOffset,
    leaderEpoch: view.getInt32(at + 12),
    codec: attributes & CODEC_MASK,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
    isLogAppendTime: (attributes & LOG_APPEND_TIME) !== 0,
    baseTimestamp: roundedInt64(view, at + 27),
    maxTimestamp: roundedInt64(view, at + 35),
    producerId: view.getBigInt64(at + 43),
    producerEpoch: view.getInt16(at + 51),
    baseSequence: view.getInt32(at + 53),
    recordCount,
    crc: view.getUint32(at + 17),
    bytes: set.subarray(at, end),
  };
}

/** `orders-3, offsets 10 to 19`: how errors name a batch. */
export function describeBatch({ source, baseOffset, lastOffset }: RecordBatch): string {
  return `the batch of ${source.topic}-${source.partition}, offsets ${baseOffset} to ${lastOffset}`;
}

/** The same bytes as a Buffer, whose native text decoders are the fastest there are here. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
