/**
 * Which shard of the outbox a key belongs to. A pure function: it never changes for a key while the count stays. The database
 * computes the same (`outbox_shard_of`) and refuses a row that lies elsewhere.
 */

const encoder = new TextEncoder();

/** FNV-1a over the key's UTF-8 bytes, modulo the count: one key is always in one shard, so its order holds. */
export function shardOf(key: string, shards: number): number {
  if (shards === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % shards;
}
