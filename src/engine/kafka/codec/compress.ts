/** Compresses the records of a batch. Owns the codecs that `node:zlib` brings, never the batch. */
import { gzipSync, zstdCompressSync } from "node:zlib";

/** The compressions that can be written; the numbers are those of a batch's attributes. */
export const compressionCodes = { none: 0, gzip: 1, zstd: 4 } as const;
/** One of {@linkcode compressionCodes}. zstd needs Produce version 7 (KIP-110), which every broker since 2.1 has. */
export type Compression = keyof typeof compressionCodes;

/** The compressed bytes, as a view. */
export function compress(how: Exclude<Compression, "none">, bytes: Uint8Array): Uint8Array {
  return how === "gzip" ? gzipSync(bytes) : zstdCompressSync(bytes);
}
