/** Decompresses the records of a batch. Owns the codecs that are at hand, never the batch. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { CodecError } from "./codec_error.ts";
import { describeBatch, type RecordBatch } from "./record_batch.ts";

const names = ["none", "gzip", "snappy", "lz4", "zstd"];

/** A batch that grows past this is refused: it would take the process down before a limit of the lane could act. */
export const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The records of a compressed batch, in plain bytes.
 *
 * @throws {CodecError} where no codec for it is at hand, or the compressed bytes are broken
 */
export function decompress(batch: RecordBatch, compressed: Uint8Array): Uint8Array {
  const name = names[batch.codec] ?? `codec ${batch.codec}`;
  try {
    if (name === "gzip") return plain(gunzipSync(compressed, limits));
    if (name === "zstd") return plain(zstdDecompressSync(compressed, limits));
  } catch (error) {
    const message = `Cannot decompress (${name}) ${describeBatch(batch)}`;
    throw new CodecError("corrupt", message, { cause: error });
  }
  throw new CodecError(
    "unsupported",
    `Cannot decompress ${describeBatch(batch)}: no ${name} codec is at hand; ` +
      `produce it with gzip, zstd or no compression`,
  );
}

const limits = { maxOutputLength: DECOMPRESSED_BYTES_MAX };

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
