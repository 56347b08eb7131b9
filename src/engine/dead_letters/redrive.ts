/**
 * Redrives dead letters: each goes back to the topic and partition that it came from, once.
 *
 * One transaction a batch carries the records and the note that they were redriven, so a redrive that is killed at any
 * moment and run again never doubles one. Each partition has a transactional id of its own: a second redrive of the same
 * partition fences the first. Nothing beyond the end that the topic has at the start is redriven, or a record that fails
 * again would go round for ever.
 */
import type { RedriveObserver, RedriveOptions } from "./redrive_options.ts";
import type { TopicPartition } from "../core/record.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { deadLetterPartitions, type DeadLetterStore } from "./list_dead_letters.ts";
import { paceOf } from "./redrive_pace.ts";
import { previewPartition, redrivePartition } from "./redrive_partition.ts";
import { tripsMaxDefault } from "./restore_record.ts";
import { isPartial, type Selection } from "./select_dead_letters.ts";

/** What a redrive did, or with `dryRun` would do. */
export interface RedriveReport {
  /** Sent back. */
  readonly redriven: number;
  /** Those of them that had been redriven before, with `again`. */
  readonly again: number;
  /** Selected, but redriven before, and so left alone. */
  readonly skipped: number;
  /** Selected, but they cannot go back; they stay pending, and the observer was told why. */
  readonly refused: number;
  /**
   * Offsets that retention has removed before they were redriven, those of Kafka's own markers among them: so at most as many
   * dead letters. Counted where all that are pending were asked for.
   */
  readonly removed: number;
  /** Records by the topic that they went to. */
  readonly byTopic: Readonly<Record<string, number>>;
}

/** How many of the named dead letters are not there, or not what else was asked for; 0 where a limit may have left some off. */
export function missingOf(
  { redriven, skipped, refused }: RedriveReport,
  { addresses = [], limit }: RedriveOptions,
): number {
  if (limit !== undefined) return 0;
  const named = new Set(addresses.map(formatAddress)).size;
  return Math.max(0, named - redriven - skipped - refused);
}

/**
 * Redrives what is selected and was not redriven yet.
 *
 * @throws {TypeError} for `again` without a selection, and for a `perSecond` that is out of bounds
 * @throws {HaltError} when somebody else redrives the same partition, or the topic that was named is not there; what was committed
 * before stays redriven
 */
export async function redriveDeadLetters(
  store: DeadLetterStore,
  options: RedriveOptions = {},
  signal?: AbortSignal,
  observer: RedriveObserver = {},
): Promise<RedriveReport> {
  if (options.again && !isPartial(options)) {
    throw new TypeError(
      "Cannot redrive everything again: name dead letters, or a key, a class, a fingerprint or a topic",
    );
  }
  const named = (options.addresses ?? []).length > 0;
  const tripsMax = named ? Infinity : options.tripsMax ?? tripsMaxDefault;
  const pace = options.perSecond === undefined ? undefined : paceOf(options.perSecond);
  const places = await wantedPartitions(store, options);
  if (!options.dryRun) await store.prepare();
  const run = crypto.randomUUID();
  const byTopic: Record<string, number> = {};
  let redriven = 0;
  let skipped = 0;
  let again = 0;
  let refused = 0;
  let removed = 0;
  const counting: RedriveObserver = {
    ...observer,
    redriven(deadLetters, topics) {
      redriven += deadLetters.length;
      for (const topic of topics) byTopic[topic] = (byTopic[topic] ?? 0) + 1;
      observer.redriven?.(deadLetters, topics);
    },
    removed(place, offsets, start) {
      removed += offsets;
      observer.removed?.(place, offsets, start);
    },
    refused(deadLetter, reason) {
      refused++;
      observer.refused?.(deadLetter, reason);
    },
  };
  for (const place of places) {
    const limit = (options.limit ?? Infinity) - redriven;
    if (limit <= 0) break;
    const redrive = options.dryRun ? previewPartition : redrivePartition;
    const given = { ...options, tripsMax, pace, limit, run };
    const before = await redrive(store, place, given, counting, signal);
    skipped += before.skipped;
    again += before.again;
  }
  return { redriven, again, skipped, refused, removed, byTopic };
}

/** Whether there is anything that it would send. Changes nothing. */
export async function wouldRedrive(
  store: DeadLetterStore,
  options: RedriveOptions,
  signal?: AbortSignal,
): Promise<boolean> {
  const look = { ...options, dryRun: true, limit: 1 };
  return (await redriveDeadLetters(store, look, signal)).redriven > 0;
}

async function wantedPartitions(
  store: DeadLetterStore,
  { addresses = [] }: Selection,
): Promise<readonly TopicPartition[]> {
  const partitions = await deadLetterPartitions(store);
  for (const { partition } of addresses) {
    if (partition < partitions.length) continue;
    throw new TypeError(
      `Topic ${store.topic} has no partition ${partition}, only 0 to ${partitions.length - 1}`,
    );
  }
  const named = new Set(addresses.map(({ partition }) => partition));
  return partitions.filter(({ partition }) => named.size === 0 || named.has(partition));
}
