/** Opens a dead-letter topic for programs: lists, reads, redrives and unparks, over connections of its own. */
import { createKafkaClient, type KafkaSettings } from "../kafka/kafka_client.ts";
import type { DeadLetterAddress } from "./dead_letter_address.ts";
import { findDeadLetter, type FoundDeadLetter } from "./find_dead_letter.ts";
import type { DeadLetterGroups } from "./group_dead_letters.ts";
import {
  type DeadLetterPage,
  listDeadLetters,
  type ListedDeadLetter,
  type ListOptions,
  listPage,
} from "./list_dead_letters.ts";
import { type GroupOptions, listGroups } from "./list_groups.ts";
import { listParkedKeys } from "./load_parked_keys.ts";
import { openDeadLetterStore } from "./open_dead_letter_store.ts";
import type { ParkedKey } from "./parked_entry.ts";
import { redriveDeadLetters, type RedriveReport } from "./redrive.ts";
import type { RedriveObserver, RedriveOptions } from "./redrive_options.ts";
import { bytesOf, equalBytes } from "./select_dead_letters.ts";
import { forgetQueue } from "./forget_queue.ts";
import type { UnparkOptions, UnparkOutcome } from "./unpark.ts";
import { unparkMany } from "./unpark_many.ts";

/** Which dead letters, and where. */
export interface DeadLetterSettings extends KafkaSettings {
  /** The dead-letter topic, such as `parcels.labelling.DLQ`. */
  readonly topic: string;
  /** Replicas of the compacted topics that a redrive notes its progress in, where they are made; -1 for three, or all brokers. */
  readonly topicReplicationFactor?: number;
  /** The largest record batch, bytes. Default 900,000. */
  readonly requestBytesMax?: number;
  /** The coordinator aborts a transaction that is open for longer, milliseconds. Default 10,000. */
  readonly transactionTimeoutMs?: number;
}

/** Which parked keys; absent parts match all. */
export interface ParkedSelection {
  /** The key; text is taken as UTF-8. */
  readonly key?: string | Uint8Array;
  /** Parked where it came from in this topic. */
  readonly topic?: string;
  /** Parked by this consumer group. */
  readonly group?: string;
}

/** The dead letters of one topic. Each function takes a signal that ends it early; what was committed before stays. */
export interface DeadLetters extends AsyncDisposable {
  /** The dead-letter topic. */
  readonly topic: string;
  /** At most `limit` of them, the newest first unless said otherwise, and whether they were redriven. Needs no right to write. */
  list(options: ListOptions, signal?: AbortSignal): Promise<readonly ListedDeadLetter[]>;
  /** The same with the place at which the list goes on, for more than one look. */
  page(options: ListOptions, signal?: AbortSignal): Promise<DeadLetterPage>;
  /** How many of each cause, over all that are selected; it reads the whole topic. Needs no right to write. */
  groups(options?: GroupOptions, signal?: AbortSignal): Promise<DeadLetterGroups>;
  /**
   * The one at that place.
   *
   * @throws {RangeError} when there is none: it was deleted, is not committed yet, or never was
   */
  read(address: DeadLetterAddress, signal?: AbortSignal): Promise<FoundDeadLetter>;
  /**
   * Sends those that are selected, and were not redriven yet, back to where they came from, each once: records and the note
   * that they were redriven are one transaction, so one that is interrupted is simply called again.
   *
   * @throws {TypeError} for `again` without a selection
   * @throws {HaltError} when somebody else redrives the same partition, or the topic that was named is not there
   */
  redrive(
    options?: RedriveOptions,
    signal?: AbortSignal,
    observer?: RedriveObserver,
  ): Promise<RedriveReport>;
  /** The keys that wait behind a dead letter in this topic, of flows with `park: "key"`. */
  parked(selection?: ParkedSelection, signal?: AbortSignal): Promise<readonly ParkedKey[]>;
  /**
   * Sends the records of these keys back in their order, round after round, until the keys are free or their first record has
   * failed again. A running flow has to work on them: without one the outcome is `sent`.
   */
  unpark(
    keys: readonly ParkedKey[],
    options?: Partial<UnparkOptions>,
    signal?: AbortSignal,
    observer?: RedriveObserver,
  ): Promise<readonly UnparkOutcome[]>;
  /** Frees a key without sending anything: its records stay dead letters, and its order is lost. False where it was free. */
  forget(key: ParkedKey, signal?: AbortSignal): Promise<boolean>;
}

const waitMsMax = 30_000;

/**
 * Opens them. Connects at the first question, and makes nothing before the first redrive.
 *
 * ```ts ignore
 * await using letters = openDeadLetters({ brokers, clientId: "night-shift", ssl: false, topic: "parcels.labelling.DLQ" });
 * for (const { record, error } of await letters.list({ limit: 20, pending: true })) {
 *   console.log(formatAddress(record), error);
 * }
 * await letters.redrive({ errorClass: "TaxError" });
 * ```
 */
export function openDeadLetters(settings: DeadLetterSettings): DeadLetters {
  const { topic, topicReplicationFactor, requestBytesMax, transactionTimeoutMs } = settings;
  const client = createKafkaClient(settings);
  const store = openDeadLetterStore(client, {
    topic,
    replicationFactor: topicReplicationFactor,
    batchBytesMax: requestBytesMax ?? 900_000,
    transactionTimeoutMs: transactionTimeoutMs ?? 10_000,
  });
  return {
    topic,
    list: (options, signal) => listDeadLetters(store, options, signal),
    page: (options, signal) => listPage(store, options, signal),
    groups: (options, signal) => listGroups(store, options, signal),
    read: (address, signal) => findDeadLetter(store, address, signal),
    redrive: (options, signal, observer) => redriveDeadLetters(store, options, signal, observer),
    async parked({ key, topic: input, group } = {}, signal) {
      const keys = await listParkedKeys(store.log, { signal });
      return keys.filter((parked) =>
        parked.deadLetters === topic && (input === undefined || parked.topic === input) &&
        (group === undefined || parked.groupId === group) &&
        (key === undefined || equalBytes(parked.key, bytesOf(key)))
      );
    },
    unpark: (keys, options, signal, observer) =>
      unparkMany(store, keys, { waitMsMax, ...options }, signal, observer),
    forget: (key, signal) => forgetQueue(store, key, signal),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      client.end();
    },
  };
}
