/** Which dead letters an operator means. Pure. */
import { type DeadLetterAddress, formatAddress } from "./dead_letter_address.ts";
import type { DeadLetter } from "./read_dead_letter.ts";

/** What a dead letter must be; absent parts match all. */
export interface Selection {
  /** The topic that it came from. */
  readonly topic?: string;
  readonly errorClass?: string;
  /** The key's bytes. */
  readonly key?: Uint8Array;
  /** Only these; an empty list means all. */
  readonly addresses?: readonly DeadLetterAddress[];
}

/** A test for dead letters. */
export function selects(
  { topic, errorClass, key, addresses = [] }: Selection,
): (deadLetter: DeadLetter) => boolean {
  const wanted = new Set(addresses.map(formatAddress));
  return ({ record, origin, errorClass: found }) =>
    (topic === undefined || origin?.topic === topic) &&
    (errorClass === undefined || found === errorClass) &&
    (key === undefined || (record.key !== null && equalBytes(key, record.key))) &&
    (wanted.size === 0 || wanted.has(formatAddress(record)));
}

/** Whether it leaves dead letters out: then an offset alone cannot say what was redriven. */
export function isPartial({ topic, errorClass, key, addresses = [] }: Selection): boolean {
  return topic !== undefined || errorClass !== undefined || key !== undefined ||
    addresses.length > 0;
}

/** Whether two keys are the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
