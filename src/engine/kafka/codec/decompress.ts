/** Decompresses the records of a batch. Owns the choice of codec, never the batch. */
import { Buffer } from "node:buffer";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { lz4 } from "../../packages/lz4js.ts";
import { snappy } from "../../packages/snappyjs.ts";
import { CodecError } from "./codec_error.ts";
import { describeBatch, type RecordBatch } from "./record_batch.ts";
import { zstdFrames } from "./zstd_frames.ts";

/** A batch that grows past this is not unpacked, unless another bound is given: it would take the process down. */
export const unpackedBytesMaxDefault = 64 * 1024 * 1024;

/** By the number in a batch's attributes. Each stops as soon as it would give more than `bytesMax`. */
const codecs: Record<
  number,
  { name: string; open(compressed: Uint8Array, bytesMax: number): Uint8Array }
> = {
  1: { name: "gzip", open: (bytes, max) => plain(gunzipSync(bytes, { maxOutputLength: max })) },
  2: { name: "snappy", open: openSnappy },
  3: { name: "lz4", open: openLz4 },
  4: { name: "zstd", open: openZstd },
};

/**
 * The records of a compressed batch, in plain bytes.
 *
 * @throws {CodecError} `unsupported` for an unknown codec; `unpackable` where the bytes do not unpack, or to more than
 * `bytesMax`
 */
export function decompress(
  batch: RecordBatch,
  compressed: Uint8Array,
  bytesMax = unpackedBytesMaxDefault,
): Uint8Array {
  const codec = codecs[batch.codec];
  if (!codec) {
    throw new CodecError(
      "unsupported",
      `Cannot decompress ${describeBatch(batch)}: codec ${batch.codec} is none of Kafka's five`,
    );
  }
  try {
    return codec.open(compressed, bytesMax);
  } catch (error) {
    const why = isTooLarge(error)
      ? `it is larger than ${bytesMax} bytes (BATCH_UNPACKED_BYTES_MAX)`
      : String(error);
    const message = `Cannot decompress ${describeBatch(batch)} with ${codec.name}: ${why}`;
    throw new CodecError("unpackable", message, { cause: error });
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof TooLargeError ||
    (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE");
}

class TooLargeError extends Error {}

/** snappy-java's stream format: a header, then blocks, each behind its compressed length. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** Java clients write snappy-java's stream format, some others one bare block. */
function openSnappy(compressed: Uint8Array, bytesMax: number): Uint8Array {
  const bytes = Buffer.from(compressed.buffer, compressed.byteOffset, compressed.byteLength);
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) {
    return unsnap(compressed, bytesMax);
  }
  const blocks: Uint8Array[] = [];
  for (let at = XERIAL_HEADER_BYTES, total = 0; at < bytes.length;) {
    // Streams may be written one behind the other.
    if (bytes.subarray(at, at + XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) {
      at += XERIAL_HEADER_BYTES;
      continue;
    }
    const length = bytes.readUInt32BE(at);
    if (length > bytes.length - at - 4) throw new RangeError(`a block claims ${length} bytes`);
    const block = unsnap(compressed.subarray(at + 4, at + 4 + length), bytesMax - total);
    total += block.length;
    blocks.push(block);
    at += 4 + length;
  }
  return joined(blocks);
}

function unsnap(block: Uint8Array, bytesMax: number): Uint8Array {
  if (claimedLength(block) > bytesMax) throw new TooLargeError();
  return snappy.uncompress(block, bytesMax);
}

/** A block of snappy begins with the length that it unpacks to, a variable-length integer. */
function claimedLength(block: Uint8Array): number {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    const byte = block[at] ?? 0;
    length += (byte & 127) * 2 ** (7 * at);
    if (byte < 128) break;
  }
  return length;
}

/** The runtime stops behind the first frame without a word. */
function openZstd(compressed: Uint8Array, bytesMax: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let left = bytesMax;
  for (const frame of zstdFrames(compressed)) {
    // A bound of 0 is none.
    const part = plain(zstdDecompressSync(frame, { maxOutputLength: Math.max(1, left) }));
    left -= part.length;
    if (left < 0) throw new TooLargeError();
    parts.push(part);
  }
  return joined(parts);
}

function openLz4(framed: Uint8Array, bytesMax: number): Uint8Array {
  const compressed = withoutBlockChecksums(framed);
  const bound: number = lz4.decompressBound(compressed);
  if (bound > bytesMax) throw new TooLargeError();
  return lz4.decompress(compressed, bound);
}

const LZ4_BLOCK_CHECKSUM = 0x10;
const LZ4_CONTENT_SIZE = 0x08;
const LZ4_DICTIONARY_ID = 0x01;

/** The same frame of lz4 without the checksums behind its blocks: lz4js looks for them before the blocks. */
function withoutBlockChecksums(frame: Uint8Array): Uint8Array {
  const flags = frame[4] ?? 0;
  if ((flags & LZ4_BLOCK_CHECKSUM) === 0) return frame;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const header = 7 + (flags & LZ4_CONTENT_SIZE ? 8 : 0) + (flags & LZ4_DICTIONARY_ID ? 4 : 0);
  const kept: Uint8Array[] = [frame.slice(0, header)];
  kept[0]?.set([flags & ~LZ4_BLOCK_CHECKSUM], 4);
  let at = header;
  for (let size = view.getUint32(at, true); size !== 0; size = view.getUint32(at, true)) {
    const end = at + 4 + (size & 0x7fff_ffff);
    kept.push(frame.subarray(at, end));
    at = end + 4;
  }
  kept.push(frame.subarray(at));
  return plain(Buffer.concat(kept));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 && parts[0] ? parts[0] : plain(Buffer.concat(parts));
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
