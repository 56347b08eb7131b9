/** CRC-32C (Castagnoli), the checksum of a record batch (KIP-98). Owns its tables, never I/O. */

const POLYNOMIAL = 0x82f63b78;
/** Bytes per turn, with a table for each: 16 is three times as fast as 8 read byte by byte (tests/bench/codec_bench.ts). */
const SLICES = 16;
let tables: Int32Array | undefined;
const none = new Int32Array(0);

/** The checksum of `bytes[start..end)` as an unsigned 32-bit number. Reads words: for little-endian machines. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const t = tables ??= buildTables();
  let crc = -1;
  let at = start;
  // Words must be aligned to the memory, not to the view.
  while (at < end && ((bytes.byteOffset + at) & 3) !== 0) crc = step(t, crc, bytes, at++);
  const words = wordsOf(bytes, at, (end - at) >>> 4 << 2);
  for (let i = 0; i < words.length; i += 4) {
    const a = word(words, i) ^ crc;
    const b = word(words, i + 1);
    const c = word(words, i + 2);
    const d = word(words, i + 3);
    crc = word(t, 0xf00 | a & 255) ^ word(t, 0xe00 | a >>> 8 & 255) ^
      word(t, 0xd00 | a >>> 16 & 255) ^ word(t, 0xc00 | a >>> 24) ^
      word(t, 0xb00 | b & 255) ^ word(t, 0xa00 | b >>> 8 & 255) ^
      word(t, 0x900 | b >>> 16 & 255) ^ word(t, 0x800 | b >>> 24) ^
      word(t, 0x700 | c & 255) ^ word(t, 0x600 | c >>> 8 & 255) ^
      word(t, 0x500 | c >>> 16 & 255) ^ word(t, 0x400 | c >>> 24) ^
      word(t, 0x300 | d & 255) ^ word(t, 0x200 | d >>> 8 & 255) ^
      word(t, 0x100 | d >>> 16 & 255) ^ word(t, d >>> 24);
  }
  at += words.length << 2;
  while (at < end) crc = step(t, crc, bytes, at++);
  return ~crc >>> 0;
}

function wordsOf(bytes: Uint8Array, at: number, count: number): Int32Array {
  return count === 0 ? none : new Int32Array(bytes.buffer, bytes.byteOffset + at, count);
}

/** One byte. */
function step(table: Int32Array, crc: number, bytes: Uint8Array, at: number): number {
  return word(table, (crc ^ (bytes[at] ?? 0)) & 255) ^ (crc >>> 8);
}

/** Every index here is within its array by construction. */
function word(array: Int32Array, at: number): number {
  return array[at] ?? 0;
}

function buildTables(): Int32Array {
  const built = new Int32Array(SLICES * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    built[i] = crc;
  }
  for (let i = 256; i < built.length; i++) {
    const previous = word(built, i - 256);
    built[i] = (previous >>> 8) ^ word(built, previous & 255);
  }
  return built;
}
