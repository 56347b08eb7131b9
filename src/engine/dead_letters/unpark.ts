/**
 * Frees a parked key: sends its queue back in order, waits for the lane, and goes on until nothing of it is left.
 *
 * The order is not decided here: the lane processes only the next number of a queue (parking.ts), so an interrupted or
 * repeated unpark, or one that races with new records, cannot change it. Records that arrive while a round is under way
 * are parked behind it and go with the next round.
 */
import { delay } from "../core/delay.ts";
import type { DeadLetterStore } from "./list_dead_letters.ts";
import { deadLetterPartitions } from "./list_dead_letters.ts";
import { listParkedKeys } from "./load_parked_keys.ts";
import type { ParkedKey } from "./parked_entry.ts";
import type { DeadLetter } from "./read_dead_letter.ts";
import type { RedriveObserver } from "./redrive_options.ts";
import { type Pace, paceOf } from "./redrive_pace.ts";
import { previewPartition, redrivePartition } from "./redrive_partition.ts";

/** How to unpark. */
export interface UnparkOptions {
  /** How long a worker may take over one round, milliseconds; 0 sends once and does not wait. */
  readonly waitMsMax: number;
  /** Passes over the record that holds the others up: it will not be processed. */
  readonly skipFirst?: boolean;
  /** At most so many records a second, from 1 to 1,000,000; as fast as it goes where absent. */
  readonly perSecond?: number;
  /** After so many rounds a key that still fills is left. Default 20. */
  readonly roundsMax?: number;
}

/** What became of a parked key. */
export type UnparkOutcome =
  & {
    readonly parked: ParkedKey;
    /** Sent back, those that were passed over among them. */
    readonly redriven: number;
    /** Sent back so that the lane passes it over: it is not processed. */
    readonly passedOver: number;
  }
  & (
    /** All of it was processed; new records of the key are processed as they come. */
    | { readonly kind: "free" }
    /** Sent back; no worker has come that far yet. It is free when one does. */
    | { readonly kind: "sent" }
    /** The first of the queue failed again, so the others wait. */
    | { readonly kind: "failed-again"; readonly deadLetter: DeadLetter }
    /** The first of the queue is not among the dead letters (deleted, or redriven to elsewhere), or cannot go back. */
    | { readonly kind: "first-missing" }
    /** New records keep coming faster than rounds end. */
    | { readonly kind: "still-filling" }
  );

const roundsMaxDefault = 20;
const pollMs = 100;

/** Sends the queue of one parked key back until it is free. */
export async function unpark(
  store: DeadLetterStore,
  key: ParkedKey,
  { waitMsMax, skipFirst = false, perSecond, roundsMax = roundsMaxDefault }: UnparkOptions,
  signal?: AbortSignal,
  observer: RedriveObserver = {},
): Promise<UnparkOutcome> {
  const pace = perSecond === undefined ? undefined : paceOf(perSecond);
  await store.prepare();
  let parked = key;
  let redriven = 0;
  let passedOver = 0;
  for (let round = 0; round < roundsMax; round++) {
    const first = await firstOfQueue(store, parked, signal);
    const skip = skipFirst && round === 0;
    if (skip) {
      const first = { skip, number: parked.done, pace };
      passedOver += await sendQueue(store, parked, first, signal, observer);
    }
    const sent = await sendQueue(store, parked, { pace }, signal, observer);
    redriven += sent + (skip ? passedOver : 0);
    if (waitMsMax === 0) return { kind: "sent", parked, redriven, passedOver };
    if (!await workedOff(store, parked, waitMsMax, signal)) {
      return { kind: "sent", parked, redriven, passedOver };
    }
    const now = await currentQueue(store, parked, signal);
    if (!now) return { kind: "free", parked, redriven, passedOver };
    const isStuck = now.done === parked.done;
    parked = now;
    if (!isStuck) continue;
    const again = await firstOfQueue(store, parked, signal);
    if (!again) return { kind: "first-missing", parked, redriven, passedOver };
    if (first || round > 0) {
      return { kind: "failed-again", parked, redriven, passedOver, deadLetter: again };
    }
  }
  return { kind: "still-filling", parked, redriven, passedOver };
}

async function sendQueue(
  store: DeadLetterStore,
  parked: ParkedKey,
  { skip, number, pace }: {
    readonly skip?: boolean;
    readonly number?: number;
    readonly pace: Pace | undefined;
  },
  signal: AbortSignal | undefined,
  observer: RedriveObserver,
): Promise<number> {
  const place = await placeOf(store, parked);
  let sent = 0;
  const counting: RedriveObserver = {
    ...observer,
    redriven(deadLetters, topics) {
      sent += deadLetters.length;
      if (skip) observer.passedOver?.(deadLetters);
      else observer.redriven?.(deadLetters, topics);
    },
  };
  const options = { limit: Infinity, run: crypto.randomUUID() };
  const queue = { name: parked.queue, number };
  await redrivePartition(store, place, { ...options, queue, skip, pace }, counting, signal);
  return sent;
}

/** The record whose turn it is, when it is among the dead letters and was not redriven. */
async function firstOfQueue(
  store: DeadLetterStore,
  parked: ParkedKey,
  signal: AbortSignal | undefined,
): Promise<DeadLetter | undefined> {
  let first: DeadLetter | undefined;
  const queue = { name: parked.queue, number: parked.done };
  await previewPartition(
    store,
    await placeOf(store, parked),
    { limit: 1, run: crypto.randomUUID(), queue },
    { redriven: (deadLetters) => first = deadLetters[0] },
    signal,
  );
  return first;
}

/** The partition of the dead-letter topic that holds a key's records. */
export async function placeOf(store: DeadLetterStore, { deadLetters, partition }: ParkedKey) {
  if (deadLetters !== store.topic) {
    throw new TypeError(`The records of this key are in ${deadLetters}: name it with --dlq`);
  }
  const partitions = await deadLetterPartitions(store);
  // As core/dead_letter.ts chooses it.
  return { topic: store.topic, partition: partition % partitions.length };
}

async function currentQueue(
  { log }: DeadLetterStore,
  { queue }: ParkedKey,
  signal: AbortSignal | undefined,
): Promise<ParkedKey | undefined> {
  const queues = await listParkedKeys(log, { toHighWatermark: true, signal });
  return queues.find((candidate) => candidate.queue === queue);
}

/** Waits until the lane has committed all that the input partition holds now. */
export async function workedOff(
  { log }: DeadLetterStore,
  { groupId, topic, partition }: ParkedKey,
  waitMsMax: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const place = { topic, partition };
  const end = await log.highWatermark(place);
  const deadline = performance.now() + waitMsMax;
  while ((await log.committedOffset(groupId, place)).offset < end) {
    if (performance.now() > deadline) return false;
    await delay(pollMs, signal);
  }
  return true;
}
