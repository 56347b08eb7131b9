/** Decompresses the records of a batch. Owns the choice of codec, never the batch. */
import { Buffer } from "node:buffer";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import lz4 from "lz4js";
import snappy from "snappyjs";
import { CodecError } from "./codec_error.ts";
import { describeBatch, type RecordBatch } from "./record_batch.ts";

/** A batch that grows past this is refused: it would take the process down before a limit of the lane could act. */
export const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024;

/** By the number in a batch's attributes. */
const codecs: Record<number, { name: string; open(compressed: Uint8Array): Uint8Array }> = {
  1: { name: "gzip", open: (bytes) => plain(gunzipSync(bytes, limits)) },
  2: { name: "snappy", open: openSnappy },
  3: { name: "lz4", open: openLz4 },
  4: { name: "zstd", open: (bytes) => plain(zstdDecompressSync(bytes, limits)) },
};

const limits = { maxOutputLength: DECOMPRESSED_BYTES_MAX };

/**
 * The records of a compressed batch, in plain bytes.
 *
 * @throws {CodecError} for an unknown codec, or compressed bytes that are broken or grow past
 * {@linkcode DECOMPRESSED_BYTES_MAX}
 */
export function decompress(batch: RecordBatch, compressed: Uint8Array): Uint8Array {
  const codec = codecs[batch.codec];
  if (!codec) {
    throw new CodecError(
      "unsupported",
      `Cannot decompress ${describeBatch(batch)}: codec ${batch.codec} is none of Kafka's five`,
    );
  }
  try {
    return codec.open(compressed);
  } catch (error) {
    const message = `Cannot decompress ${describeBatch(batch)} with ${codec.name}: ${error}`;
    throw new CodecError("corrupt", message, { cause: error });
  }
}

/** snappy-java's stream format: a header, then blocks, each behind its compressed length. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** Java clients write snappy-java's stream format, some others one bare block. */
function openSnappy(compressed: Uint8Array): Uint8Array {
  const bytes = Buffer.from(compressed.buffer, compressed.byteOffset, compressed.byteLength);
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return unsnap(compressed);
  const blocks: Uint8Array[] = [];
  for (let at = XERIAL_HEADER_BYTES, total = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    if (length > bytes.length - at - 4) throw new RangeError(`a block claims ${length} bytes`);
    const block = unsnap(compressed.subarray(at + 4, at + 4 + length));
    total += block.length;
    if (total > DECOMPRESSED_BYTES_MAX) throw new RangeError(`more than ${total} bytes`);
    blocks.push(block);
    at += 4 + length;
  }
  return blocks.length === 1 && blocks[0] ? blocks[0] : plain(Buffer.concat(blocks));
}

function unsnap(block: Uint8Array): Uint8Array {
  return snappy.uncompress(block, DECOMPRESSED_BYTES_MAX);
}

function openLz4(compressed: Uint8Array): Uint8Array {
  const bound: number = lz4.decompressBound(compressed);
  if (bound > DECOMPRESSED_BYTES_MAX) throw new RangeError(`it may grow to ${bound} bytes`);
  return lz4.decompress(compressed, bound);
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
