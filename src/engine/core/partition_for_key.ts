/** Which partition a key belongs to: Kafka's Java client's rule, so that every client of a topic agrees. */

/**
 * `toPositive(murmur2(key)) % partitions`, as `BuiltInPartitioner.partitionForKey` of the Java client.
 */
export function partitionForKey(key: Uint8Array | string, partitionCount: number): number {
  const hash = typeof key === "string" ? murmur2OfText(key) : murmur2(key);
  return (hash & 0x7fffffff) % partitionCount;
}

const encoder = new TextEncoder();
const ascii = new Uint8Array(256);

/** Of the text's UTF-8 bytes; short ASCII keys, which nearly all are, without making a buffer for each. */
function murmur2OfText(text: string): number {
  const { length } = text;
  if (length > ascii.length) return murmur2(encoder.encode(text));
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 127) return murmur2(encoder.encode(text));
    ascii[at] = unit;
  }
  return murmur2(ascii, length);
}

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;
const shift = 24;

/** MurmurHash2 in 32 bits (Austin Appleby), with the seed of Kafka's `Utils.murmur2`. */
export function murmur2(data: Uint8Array, length = data.length): number {
  let hash = seed ^ length;
  const words = length & ~3;
  for (let at = 0; at < words; at += 4) {
    let word = byteAt(data, at) | byteAt(data, at + 1) << 8 |
      byteAt(data, at + 2) << 16 | byteAt(data, at + 3) << 24;
    word = Math.imul(word, multiplier);
    word ^= word >>> shift;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  const left = length - words;
  if (left > 0) {
    if (left > 2) hash ^= byteAt(data, words + 2) << 16;
    if (left > 1) hash ^= byteAt(data, words + 1) << 8;
    hash = Math.imul(hash ^ byteAt(data, words), multiplier);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ hash >>> 15;
}

function byteAt(data: Uint8Array, index: number): number {
  return data[index] ?? 0;
}
