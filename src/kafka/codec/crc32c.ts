/** CRC-32C (Castagnoli), the checksum of a record batch (KIP-98). Owns its tables, never I/O. */

const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;
let tables: Int32Array | undefined;

/** The checksum of `bytes[start..end)` as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const t = tables ??= buildTables();
  let crc = -1;
  let at = start;
  const last = end - SLICES;
  while (at <= last) {
    crc ^= byte(bytes, at) | byte(bytes, at + 1) << 8 | byte(bytes, at + 2) << 16 |
      byte(bytes, at + 3) << 24;
    crc = entry(t, 0x700 + (crc & 255)) ^ entry(t, 0x600 + (crc >>> 8 & 255)) ^
      entry(t, 0x500 + (crc >>> 16 & 255)) ^ entry(t, 0x400 + (crc >>> 24)) ^
      entry(t, 0x300 + byte(bytes, at + 4)) ^ entry(t, 0x200 + byte(bytes, at + 5)) ^
      entry(t, 0x100 + byte(bytes, at + 6)) ^ entry(t, byte(bytes, at + 7));
    at += SLICES;
  }
  while (at < end) crc = entry(t, (crc ^ byte(bytes, at++)) & 255) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
const entry = (table: Int32Array, at: number): number => table[at] ?? 0;

function buildTables(): Int32Array {
  const built = new Int32Array(SLICES * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    built[i] = crc;
  }
  for (let i = 256; i < built.length; i++) {
    const previous = entry(built, i - 256);
    built[i] = (previous >>> 8) ^ entry(built, previous & 255);
  }
  return built;
}
