/** Which dead letters an operator means. Pure. */
import { type DeadLetterAddress, formatAddress } from "./dead_letter_address.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { DeadLetter } from "./read_dead_letter.ts";

/** What a dead letter must be; absent parts match all. */
export interface Selection {
  /** The topic that it came from. */
  readonly topic?: string;
  /** The class of the error, such as `PoisonError`. */
  readonly errorClass?: string;
  /** The cause that they have in common, as {@linkcode DeadLetterGroup} names it. */
  readonly fingerprint?: string;
  /** The key; text is taken as UTF-8. */
  readonly key?: string | Uint8Array;
  /** Only these; an empty list means all. */
  readonly addresses?: readonly DeadLetterAddress[];
  /** Only those in this queue of a parked key; they are then taken in the order of their numbers. */
  readonly queue?: { readonly name: string; readonly number?: number };
  /** Only those in these queues, by name; with a number, only the one of that number. They are taken as they lie. */
  readonly queues?: ReadonlyMap<string, number | undefined>;
}

/** A test for dead letters. */
export function selects(
  { topic, errorClass, fingerprint, key: wantedKey, addresses = [], queue, queues }: Selection,
): (deadLetter: DeadLetter) => boolean {
  const key = wantedKey === undefined ? undefined : bytesOf(wantedKey);
  const wanted = new Set(addresses.map(formatAddress));
  return (deadLetter) => {
    const { record, origin, errorClass: found, link } = deadLetter;
    return (
      (topic === undefined || origin?.topic === topic) &&
      (errorClass === undefined || found === errorClass) &&
      (key === undefined || (record.key !== null && equalBytes(key, record.key))) &&
      (wanted.size === 0 || wanted.has(formatAddress(record))) &&
      (queue === undefined || link?.queue === queue.name) &&
      (queue?.number === undefined || link?.number === queue.number) &&
      (queues === undefined || isInOne(queues, link)) &&
      // The dearest last.
      (fingerprint === undefined || fingerprintOf(deadLetter) === fingerprint)
    );
  };
}

/** Whether it leaves dead letters out: then an offset alone cannot say what was redriven. */
export function isPartial(
  { topic, errorClass, fingerprint, key, addresses = [], queue, queues }: Selection,
): boolean {
  return topic !== undefined || errorClass !== undefined || fingerprint !== undefined ||
    key !== undefined ||
    queue !== undefined || queues !== undefined || addresses.length > 0;
}

function isInOne(
  queues: ReadonlyMap<string, number | undefined>,
  link: DeadLetter["link"],
): boolean {
  if (link === undefined || !queues.has(link.queue)) return false;
  const number = queues.get(link.queue);
  return number === undefined || number === link.number;
}

/** The bytes of a key. */
export function bytesOf(key: string | Uint8Array): Uint8Array {
  return typeof key === "string" ? new TextEncoder().encode(key) : key;
}

/** Whether two keys are the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
