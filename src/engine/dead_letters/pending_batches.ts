/** Which dead letters of a partition are still to be redriven, in batches that fit a transaction. Writes nothing. */
import { encodedBytes, type TopicPartition } from "../core/record.ts";
import { type DeadLetter, readDeadLetter } from "./read_dead_letter.ts";
import { readRange } from "../core/read_range.ts";
import type { RecordLog } from "./record_log.ts";
import { isRedriven, redriveOf, type RedriveState } from "./redrive_state.ts";
import { isPartial, type Selection, selects } from "./select_dead_letters.ts";
import type { TargetOptions } from "./restore_record.ts";
import { canGoBack } from "./sort_out.ts";

/** Dead letters for one transaction. */
export interface PendingBatch {
  /** In offset order; may be empty when all up to `nextOffset` were redriven before. */
  readonly deadLetters: readonly DeadLetter[];
  /** Selected ones that were passed over because they were redriven before. */
  readonly skipped: number;
  /** All below it is done once this batch is: what the group's offset becomes when everything is redriven. */
  readonly nextOffset: number;
}

/** What to look for. */
export interface PendingOptions extends Selection, TargetOptions {
  /** Where to stop: the end of the log when the command began. */
  readonly end: number;
  /** How many may go back; those that cannot do not count. */
  readonly limit: number;
  readonly again?: boolean;
  readonly run: string;
  readonly batchRecordsMax?: number;
}

const batchRecordsMaxDefault = 500;
const batchBytesMax = 4 * 1024 * 1024;
/** Records of one queue that are taken at a time; they are held in memory. */
const queuedMax = 5_000;

/** Yields batches from where the redrive stands, up to `end` or `limit` records. */
export async function* pendingBatches(
  log: RecordLog,
  place: TopicPartition,
  state: RedriveState,
  options: PendingOptions,
  signal?: AbortSignal,
): AsyncGenerator<PendingBatch> {
  const { end, limit, batchRecordsMax = batchRecordsMaxDefault } = options;
  let batch: DeadLetter[] = [];
  let bytes = 0;
  let skipped = 0;
  let left = limit;
  for await (const { deadLetter, done } of selected(log, place, state, options, signal)) {
    if (done) {
      if (!isOfThisRun(state, deadLetter, options)) skipped++;
      continue;
    }
    const { record } = deadLetter;
    const size = encodedBytes(record);
    if (batch.length >= batchRecordsMax || (batch.length > 0 && bytes + size > batchBytesMax)) {
      yield { deadLetters: batch, skipped, nextOffset: record.offset };
      batch = [];
      bytes = skipped = 0;
    }
    batch.push(deadLetter);
    bytes += size;
    const counts = limit < Infinity && await canGoBack(log, deadLetter, options);
    if (counts && --left === 0) {
      return yield { deadLetters: batch, skipped, nextOffset: record.offset + 1 };
    }
  }
  if (batch.length > 0 || end > Math.max(0, state.next)) {
    yield { deadLetters: batch, skipped, nextOffset: end };
  }
}

/** A dead letter that is meant, and whether it was redriven before. */
interface Selected {
  readonly deadLetter: DeadLetter;
  readonly done: boolean;
}

/** In offset order; those of a queue in the order of their numbers. */
async function* selected(
  log: RecordLog,
  place: TopicPartition,
  state: RedriveState,
  options: PendingOptions,
  signal?: AbortSignal,
): AsyncGenerator<Selected> {
  const isSelected = selects(options);
  const stretch = {
    ...place,
    from: await firstOffset(log, place, state, options),
    to: options.end,
  };
  let queued: Selected[] = [];
  for await (const records of readRange(log, lastWanted(stretch, options), signal)) {
    const found = records.map(readDeadLetter).filter(isSelected)
      .map((deadLetter) => ({ deadLetter, done: isDone(state, deadLetter, options) }));
    if (options.queue) queued = lowestNumbers([...queued, ...found.filter(({ done }) => !done)]);
    else yield* found;
  }
  yield* queued;
}

/** What failed again lies behind those that follow it, so the log's order is not the queue's. */
function lowestNumbers(selected: Selected[]): Selected[] {
  const numberOf = ({ deadLetter }: Selected) => deadLetter.link?.number ?? 0;
  return selected.sort((a, b) => numberOf(a) - numberOf(b)).slice(0, queuedMax);
}

async function firstOffset(
  log: RecordLog,
  place: TopicPartition,
  state: RedriveState,
  options: PendingOptions,
): Promise<number> {
  const { start } = await log.range(place);
  if (!isPartial(options)) return Math.max(start, state.next);
  const offsets = offsetsHere(place, options);
  return offsets.length > 0 ? Math.max(start, Math.min(...offsets)) : start;
}

/** With addresses, nothing behind the last of them is read. */
function lastWanted<S extends TopicPartition & { readonly to: number }>(
  stretch: S,
  options: PendingOptions,
): S {
  const offsets = offsetsHere(stretch, options);
  return offsets.length > 0
    ? { ...stretch, to: Math.min(stretch.to, Math.max(...offsets) + 1) }
    : stretch;
}

function offsetsHere({ partition }: TopicPartition, { addresses = [] }: Selection): number[] {
  return addresses.filter((address) => address.partition === partition)
    .map(({ offset }) => offset);
}

function isDone(state: RedriveState, deadLetter: DeadLetter, options: PendingOptions): boolean {
  // With `again` only what this very run has done counts, so that a lost answer does not double it.
  return options.again
    ? isOfThisRun(state, deadLetter, options)
    : isRedriven(state, deadLetter.record);
}

function isOfThisRun(
  state: RedriveState,
  { record }: DeadLetter,
  { run }: PendingOptions,
): boolean {
  return redriveOf(state, record)?.run === run;
}
