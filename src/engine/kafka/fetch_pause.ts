/** Decides how soon a fetch follows another, so that transactions grow with the load, and how long it may wait. Pure. */
import type { FetchedPartition } from "./codec/decode_fetch_response.ts";

/** What a fetch brought, over all partitions. */
export interface Brought {
  readonly records: number;
  readonly bytes: number;
}

/** Counts what an answer to a fetch holds. */
export function broughtBy(partitions: readonly Pick<FetchedPartition, "batches">[]): Brought {
  const brought = { records: 0, bytes: 0 };
  for (const { recordCount, bytes } of partitions.flatMap(({ batches }) => batches)) {
    brought.records += recordCount;
    brought.bytes += bytes.length;
  }
  return brought;
}

const pauseMsPerRecord = 3;
/** An answer so large is one of many: there is a backlog to be fetched, and no pause makes a transaction larger. */
const backlogBytes = 256 * 1024;

/**
 * How long after its start a fetch is followed by the next one at the earliest. What a fetch brings becomes a transaction,
 * so under load a pause makes fewer and larger ones, for which the broker works less: up to about 300
 * records a second there is none, above that it grows to its limit by itself, and in a backlog there is none.
 */
export function fetchPauseMs({ records, bytes }: Brought, pauseMsMax: number): number {
  if (bytes >= backlogBytes) return 0;
  return Math.min(pauseMsMax, pauseMsPerRecord * Math.max(0, records - 1));
}

const waitMsPerPartition = 0.5;
const waitMsLongest = 1_000;

/**
 * How long the broker may hold a fetch back that has nothing to bring. What is fetched from anew meanwhile waits for it; but
 * each fetch names all partitions, and a thousand idle ones would cost a tenth of a core at four of them a second.
 */
export function fetchWaitMs(waitMsMax: number, partitions: number): number {
  return Math.round(
    Math.min(Math.max(waitMsMax, waitMsLongest), waitMsMax + waitMsPerPartition * partitions),
  );
}
