/** What is kept for each key of one partition, in memory. Knows no schema and no Kafka. */
import { Buffer } from "node:buffer";

/** What is kept for one key. */
export interface KeptValue {
  /** JSON. */
  readonly text: string;
  /** When it was written, by the timestamp of the record that did: milliseconds since the epoch. */
  readonly at: number;
}

/** Longer keys than these are too many arguments. */
const shortKeyMax = 1_024;

/** A name for a key's bytes, one to one: a letter of Latin-1 for each. */
export function keyName(key: Uint8Array): string {
  // A third of what a Buffer costs.
  if (key.length <= shortKeyMax) return String.fromCharCode(...key);
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

/** The key of that name, to be written: as text where UTF-8 has the same bytes, which costs a tenth. */
export function keyNamed(name: string): Uint8Array | string {
  return ascii.test(name) ? name : Buffer.from(name, "latin1");
}

/** All of it. */
const ascii = /^[\0-\x7f]*$/;

/** What V8 takes for an entry beside its texts, near enough: two strings' heads, an object, a place in the table. */
const entryBytes = 130;

/** By the names of keys; the one that was written longest ago comes first. */
export class KeyTable {
  readonly #kept = new Map<string, KeptValue>();
  /** The latest time of a write. */
  #newest = 0;

  /** `onBytes` is told how much more memory the table takes, near enough. */
  constructor(readonly retentionMs: number, readonly onBytes: (change: number) => void) {}

  get size(): number {
    return this.#kept.size;
  }

  get(name: string): KeptValue | undefined {
    return this.#kept.get(name);
  }

  /** Whether it does not count any more for a record of that time. */
  isOver(kept: KeptValue, at: number): boolean {
    return Math.max(at, this.#newest) - kept.at > this.retentionMs;
  }

  set(name: string, value: KeptValue | undefined): void {
    const before = this.#kept.get(name);
    // A key that is written again goes to the end.
    if (before && (!value || this.retentionMs < Infinity)) this.#kept.delete(name);
    if (value) {
      this.#kept.set(name, value);
      if (value.at > this.#newest) this.#newest = value.at;
    }
    this.onBytes(bytesOf(name, value) - bytesOf(name, before));
  }

  /** Up to so many keys whose time is over. */
  over(countMax: number): string[] {
    const names: string[] = [];
    if (this.retentionMs === Infinity) return names;
    for (const [name, kept] of this.#kept) {
      if (names.length === countMax || !this.isOver(kept, 0)) break;
      names.push(name);
    }
    return names;
  }

  clear(): void {
    for (const [name, kept] of this.#kept) this.onBytes(-bytesOf(name, kept));
    this.#kept.clear();
    this.#newest = 0;
  }
}

function bytesOf(name: string, value: KeptValue | undefined): number {
  return value ? name.length + value.text.length + entryBytes : 0;
}
