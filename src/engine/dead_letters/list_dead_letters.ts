/** Lists dead letters, newest first, in bounded memory. Reads only. */
import type { LanePlace, LogRange, Transactions } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import { RefusedError } from "../core/refused_error.ts";
import { formatCursor, type ListOrder, parseCursor } from "./list_cursor.ts";
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
  /** The consumer groups that read a topic, as far as they may be seen; absent where there are none to ask for. */
  readonly groupsThatRead?: (topic: string) => Promise<readonly string[]>;
  /** Learns what these topics take, so that what is sent there is cut to fit; absent where nothing bounds it. */
  readonly lookUp?: (topics: readonly string[]) => Promise<void>;
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
  readonly order?: ListOrder;
  /** Goes on behind an earlier page: what that named as `next`. */
  readonly after?: string;
  /** Only those that were not redriven yet. */
  readonly pending?: boolean;
}

/** Offsets that are read at a time when looking backwards. */
const windowMin = 2_000;

/** A part of a list. */
export interface DeadLetterPage {
  /** In the order that was asked for. */
  readonly deadLetters: readonly ListedDeadLetter[];
  /** What `after` takes to go on; undefined where there are no more. What fails meanwhile is in no later page. */
  readonly next: string | undefined;
}

/**
 * At most `limit` dead letters of all partitions, by the time at which they failed; those of a partition as they lie in it.
 *
 * @throws {TypeError} for an `after` that no page of this order has named
 * @throws when the topic does not exist
 */
export async function listPage(
  store: DeadLetterStore,
  options: ListOptions,
  signal?: AbortSignal,
): Promise<DeadLetterPage> {
  const { order = "newest", limit, after } = options;
  const cursor = after === undefined ? new Map<number, number>() : parseCursor(after, order);
  const parts = await Promise.all(
    (await deadLetterPartitions(store)).map(async (place): Promise<Part> => {
      const whole = await store.log.range(place);
      const at = cursor.get(place.partition);
      const range = order === "newest"
        ? { start: whole.start, end: Math.min(whole.end, at ?? Infinity) }
        : { start: Math.max(whole.start, at ?? 0), end: whole.end };
      // One more tells whether there are more.
      const one = { ...options, limit: limit + 1 };
      const waiting = await listPartition(store, place, range, one, signal);
      return { ...place, bound: order === "newest" ? range.end : range.start, waiting };
    }),
  );
  const deadLetters: ListedDeadLetter[] = [];
  while (deadLetters.length < limit) {
    const part = nextOf(parts, order);
    const deadLetter = part?.waiting.shift();
    if (!part || !deadLetter) break;
    part.bound = deadLetter.record.offset + (order === "newest" ? 0 : 1);
    deadLetters.push(deadLetter);
  }
  const more = parts.some(({ waiting }) => waiting.length > 0);
  const bounds = new Map(parts.map(({ partition, bound }) => [partition, bound]));
  return { deadLetters, next: more ? formatCursor(order, bounds) : undefined };
}

/** {@linkcode listPage} without the place at which it goes on. */
export async function listDeadLetters(
  store: DeadLetterStore,
  options: ListOptions,
  signal?: AbortSignal,
): Promise<readonly ListedDeadLetter[]> {
  return (await listPage(store, options, signal)).deadLetters;
}

/** What is still to be listed of one partition, in the order of the list. */
interface Part extends TopicPartition {
  bound: number;
  readonly waiting: ListedDeadLetter[];
}

function nextOf(parts: readonly Part[], order: ListOrder): Part | undefined {
  const sign = order === "newest" ? -1 : 1;
  let best: Part | undefined;
  for (const part of parts) {
    const [head] = part.waiting;
    const [first] = best?.waiting ?? [];
    if (!head) continue;
    const later = first && head.record.timestamp - first.record.timestamp ||
      part.partition - (best?.partition ?? 0);
    if (!first || sign * later < 0) best = part;
  }
  return best;
}

/**
 * The partitions of the dead-letter topic.
 *
 * @throws {RefusedError} when it does not exist
 */
export async function deadLetterPartitions(
  { log, topic }: Pick<DeadLetterStore, "log" | "topic">,
): Promise<readonly TopicPartition[]> {
  const count = await log.partitionCount(topic);
  if (count === undefined) {
    throw new RefusedError(
      `Topic ${topic} does not exist, so there are no dead letters in it. ` +
        `Name another with --dlq, or set DEAD_LETTERS_TOPIC`,
    );
  }
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
}

/** The last, or first, `limit` matches of a stretch of one partition, in the order of the list. */
async function listPartition(
  { log }: DeadLetterStore,
  place: TopicPartition,
  range: LogRange,
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
  return order === "newest" ? matches.slice(-limit).reverse() : matches.slice(0, limit);
}

/** Stretches of offsets in the order of looking; each twice as long as the one before it. */
function* windowsOf(
  { start, end }: { readonly start: number; readonly end: number },
  order: ListOrder,
  size: number,
): Generator<{ from: number; to: number }> {
  if (order === "oldest") return yield { from: start, to: end };
  for (let to = end; to > start; size *= 2) {
    const from = Math.max(start, to - size);
    yield { from, to };
    to = from;
  }
}
