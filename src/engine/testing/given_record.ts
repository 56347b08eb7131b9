/** A record as a test gives it: whatever is left out is as a plain producer would have it. Pure. */
import { partitionForKey } from "../core/partition_for_key.ts";
import { type Header, textHeader } from "../core/record.ts";
import type { NewRecord } from "./memory_partition.ts";

/** A record with bytes of one's own; what `topic(...).event(...)` makes is one, too. */
export interface GivenRecord {
  /** One that the flow reads, where it reads several. */
  readonly topic?: string;
  /** Bytes, or text that is written in UTF-8. None where absent. */
  readonly key?: Uint8Array | string | null;
  /** Bytes, or text that is written in UTF-8; null is a tombstone. */
  readonly value: Uint8Array | string | null;
  /** In order; names may repeat. */
  readonly headers?: readonly (Header | readonly [name: string, text: string])[];
  /** Milliseconds since the epoch; the time of the test's clock where absent. */
  readonly timestamp?: number;
  /** The key's partition where absent, or the first one for a record without a key. */
  readonly partition?: number;
  /** The next one where absent; a higher one leaves a hole before it, as compaction does. */
  readonly offset?: number;
}

/** As it is appended. */
export function newRecord({ key = null, value, headers = [], timestamp }: GivenRecord): NewRecord {
  return { key, value, timestamp, headers: headers.map(headerOf) };
}

/** Where it goes. */
export function partitionOf({ partition, key }: GivenRecord, partitionCount: number): number {
  if (partition !== undefined) return partition;
  return key === undefined || key === null ? 0 : partitionForKey(key, partitionCount);
}

function headerOf(header: Header | readonly [name: string, text: string]): Header {
  const [name, value] = header;
  return typeof value === "string" ? textHeader(name, value) : [name, value, header[2]];
}
