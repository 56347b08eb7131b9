/** Lists dead letters, newest first, in bounded memory. Reads only. */
import type { LanePlace, Transactions } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import { type DeadLetter, readDeadLetter } from "./read_dead_letter.ts";
import { readRange } from "../core/read_range.ts";
import type { RecordLog } from "./record_log.ts";
import { isRedriven, readRedriveState } from "./redrive_state.ts";
import { type Selection, selects } from "./select_dead_letters.ts";

/** What the commands on dead letters work with. */
export interface DeadLetterStore {
  readonly log: RecordLog;
  readonly transactions: Transactions;
  /** Under which ids a lane's transactions may be made at present. */
  readonly transactionalIdsOf: (
    lane: LanePlace,
    signal?: AbortSignal,
  ) => Promise<readonly string[]>;
  /** The dead-letter topic. */
  readonly topic: string;
  /** Makes the topics that a redrive notes its progress in, where they are missing. */
  prepare(): Promise<void>;
}

/** A dead letter and whether it has been redriven. */
export interface ListedDeadLetter extends DeadLetter {
  /** Whether it was sent back. */
  readonly redriven: boolean;
}

/** What to list. */
export interface ListOptions extends Selection {
  /** At most so many. */
  readonly limit: number;
  /** `newest` by the time of failing; `oldest` likewise. */
  readonly order?: "newest" | "oldest";
  /** Only those that were not redriven yet. */
  readonly pending?: boolean;
}

/** Offsets that are read at a time when looking backwards. */
const windowMin = 2_000;

/**
 * At most `limit` dead letters of all partitions, by the time at which they failed.
 *
 * @throws when the topic does not exist
 */
export async function listDeadLetters(
  store: DeadLetterStore,
  options: ListOptions,
  signal?: AbortSignal,
): Promise<readonly ListedDeadLetter[]> {
  const { order = "newest", limit } = options;
  const found = await Promise.all(
    (await deadLetterPartitions(store)).map((place) =>
      listPartition(store, place, options, signal)
    ),
  );
  const sign = order === "newest" ? -1 : 1;
  return found.flat()
    .sort((a, b) => sign * (a.record.timestamp - b.record.timestamp || compareOffsets(a, b)))
    .slice(0, limit);
}

/**
 * The partitions of the dead-letter topic.
 *
 * @throws when it does not exist
 */
export async function deadLetterPartitions(
  { log, topic }: Pick<DeadLetterStore, "log" | "topic">,
): Promise<readonly TopicPartition[]> {
  const count = await log.partitionCount(topic);
  if (count === undefined) {
    throw new Error(
      `Topic ${topic} does not exist, so there are no dead letters in it. ` +
        `Name another with --dlq, or set DEAD_LETTERS_TOPIC`,
    );
  }
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
}

function compareOffsets(a: DeadLetter, b: DeadLetter): number {
  return a.record.partition - b.record.partition || a.record.offset - b.record.offset;
}

/** The last, or first, `limit` matches of one partition. */
async function listPartition(
  { log }: DeadLetterStore,
  place: TopicPartition,
  options: ListOptions,
  signal?: AbortSignal,
): Promise<ListedDeadLetter[]> {
  const { limit, order = "newest", pending = false } = options;
  const state = await readRedriveState(
    log,
    place,
    await log.committedOffset(log.names.redrive, place),
    { signal },
  );
  const isSelected = selects(options);
  const range = await log.range(place);
  const matches: ListedDeadLetter[] = [];
  for (const window of windowsOf(range, order, Math.max(windowMin, 2 * limit))) {
    const found: ListedDeadLetter[] = [];
    for await (const records of readRange(log, { ...place, ...window }, signal)) {
      for (const record of records) {
        const deadLetter = { ...readDeadLetter(record), redriven: isRedriven(state, record) };
        if (isSelected(deadLetter) && !(pending && deadLetter.redriven)) found.push(deadLetter);
      }
      if (order === "oldest" && found.length >= limit) return found.slice(0, limit);
      found.splice(0, order === "newest" ? Math.max(0, found.length - limit) : 0);
    }
    matches.unshift(...found);
    if (matches.length >= limit) break;
  }
  return matches.slice(-limit);
}

/** Stretches of offsets in the order of looking; each twice as long as the one before it. */
function* windowsOf(
  { start, end }: { readonly start: number; readonly end: number },
  order: "newest" | "oldest",
  size: number,
): Generator<{ from: number; to: number }> {
  if (order === "oldest") return yield { from: start, to: end };
  for (let to = end; to > start; size *= 2) {
    const from = Math.max(start, to - size);
    yield { from, to };
    to = from;
  }
}
