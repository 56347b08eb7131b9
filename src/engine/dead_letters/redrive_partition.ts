/** Redrives one partition of a dead-letter topic, in sessions: each fences, reads what is done, and goes on from there. */
import { transactionalId } from "../core/delivery.ts";
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import type { Names } from "../core/names.ts";
import { TransactionError, type Transactor } from "../core/ports.ts";
import { formatOrigin } from "../core/offset_metadata.ts";
import type { OutputRecord, TopicPartition } from "../core/record.ts";
import type { DeadLetterStore } from "./list_dead_letters.ts";
import { type PendingBatch, pendingBatches } from "./pending_batches.ts";
import { checkState, checkWithinLog, haltReason } from "./redrive_halts.ts";
import type { RedriveObserver, RedriveOptions } from "./redrive_options.ts";
import type { Pace } from "./redrive_pace.ts";
import {
  isRedriven,
  nextEntry,
  readRedriveState,
  redriveEntry,
  redriveOf,
  type RedriveState,
} from "./redrive_state.ts";
import { tellRemoved } from "./removed_by_retention.ts";
import { isPartial } from "./select_dead_letters.ts";
import { type Sorted, sortOut } from "./sort_out.ts";

/** Options of one partition. */
export interface PartitionRedrive extends RedriveOptions {
  readonly limit: number;
  /** Names this run of the command. */
  readonly run: string;
  /** What its transactions wait for. */
  readonly pace?: Pace;
}

/** Those that were selected and had been redriven before this run. */
export interface RedrivenBefore {
  /** They were left alone. */
  readonly skipped: number;
  /** They were sent once more. */
  readonly again: number;
}

const sessionsMax = 10;
const sessionBackoffMs = 100;

/** Answers with those that had been redriven before. @throws {HaltError} */
export async function redrivePartition(
  store: DeadLetterStore,
  place: TopicPartition,
  options: PartitionRedrive,
  observer: RedriveObserver,
  signal?: AbortSignal,
): Promise<RedrivenBefore> {
  const end = await endOf(store, place, options);
  const done: Done = { count: 0, skipped: 0, again: 0, told: false, doubt: undefined };
  for (let session = 1;; session++) {
    try {
      await redriveSession(store, place, { ...options, end }, done, observer, signal);
      return done;
    } catch (error) {
      const reason = haltReason(error, place);
      if (reason !== undefined) throw new HaltError(reason, { cause: error });
      if (!(error instanceof TransactionError) || session >= sessionsMax) throw error;
      // The outcome is unknown: the next session fences this one and then reads it.
      observer.doubt?.(place, error.message);
      await delay(sessionBackoffMs * session, signal);
    }
  }
}

/** What would be redriven, without fencing anybody. */
export async function previewPartition(
  store: DeadLetterStore,
  place: TopicPartition,
  options: PartitionRedrive,
  observer: RedriveObserver,
  signal?: AbortSignal,
): Promise<RedrivenBefore> {
  const { log } = store;
  const end = await endOf(store, place, options);
  const committed = await log.committedOffset(log.names.redrive, place);
  const toHighWatermark = (options.queue ?? options.queues) !== undefined;
  const state = await readRedriveState(log, place, committed, { toHighWatermark, signal });
  await tellRemoved(log, state, place, options, observer);
  let skipped = 0;
  let again = 0;
  for await (const batch of pendingBatches(log, place, state, { ...options, end }, signal)) {
    const sorted = await sortOut(log, batch.deadLetters, options);
    skipped += batch.skipped;
    again += redrivenOf(state, sorted);
    report(sorted, observer);
  }
  return { skipped, again };
}

async function endOf(
  { log }: DeadLetterStore,
  place: TopicPartition,
  { queue, queues }: PartitionRedrive,
): Promise<number> {
  // A queue is looked at up to the high watermark: what its lane has just parked may not be stable yet.
  return queue ?? queues ? await log.highWatermark(place) : (await log.range(place)).end;
}

type SortedBatch = PendingBatch & Sorted & { readonly again: number };

function redrivenOf(state: RedriveState, { going }: Sorted): number {
  return going.filter(({ deadLetter }) => isRedriven(state, deadLetter.record)).length;
}

function report({ going, refused }: Sorted, observer: RedriveObserver): void {
  for (const { deadLetter, reason } of refused) observer.refused?.(deadLetter, reason);
  if (going.length === 0) return;
  observer.redriven?.(
    going.map(({ deadLetter }) => deadLetter),
    going.map(({ record }) => record.topic),
  );
}

/** What all sessions of a run have done together. */
interface Done {
  count: number;
  skipped: number;
  again: number;
  /** Whether it was said what retention has removed. */
  told: boolean;
  /** The batch whose commit is under way, or whose outcome is not known. */
  doubt: SortedBatch | undefined;
}

async function redriveSession(
  store: DeadLetterStore,
  place: TopicPartition,
  options: PartitionRedrive & { readonly end: number },
  done: Done,
  observer: RedriveObserver,
  signal?: AbortSignal,
): Promise<void> {
  const { log, transactions } = store;
  const { names } = log;
  await using transactor = await transactions.open(transactionalId(names.redrive, place), signal);
  const committed = await transactions.stableOffset(names.redrive, place, signal);
  const stateId = await log.topicId?.(names.redriven);
  checkState(names, committed, place, stateId);
  const state = await readRedriveState(log, place, committed, { toHighWatermark: true, signal });
  checkWithinLog(names, state, place, options.end);
  if (!done.told) await tellRemoved(log, state, place, options, observer);
  done.told = true;
  if (done.doubt && isCommitted(state, done.doubt, options)) count(done.doubt);
  const limit = options.limit - done.count;
  if (limit <= 0) return;
  const batchRecordsMax = options.batchRecordsMax ?? options.pace?.batchRecordsMax;
  for await (
    const batch of pendingBatches(log, place, state, { ...options, limit, batchRecordsMax }, signal)
  ) {
    const parts = await sortOut(log, batch.deadLetters, options);
    const sorted = { ...batch, ...parts, again: redrivenOf(state, parts) };
    await options.pace?.wait(sorted.going.length, signal);
    await store.lookUp?.([...new Set(sorted.going.map(({ record }) => record.topic))]);
    done.doubt = sorted;
    await commitBatch(transactor, place, sorted, { ...options, names, state, stateId });
    count(sorted);
  }

  function count(batch: SortedBatch): void {
    done.doubt = undefined;
    done.count += batch.going.length;
    done.skipped += batch.skipped;
    done.again += batch.again;
    report(batch, observer);
  }
}

/** What the state says of a batch whose answer was lost. */
function isCommitted(
  state: RedriveState,
  { deadLetters, nextOffset }: PendingBatch,
  options: PartitionRedrive,
): boolean {
  if (!isPartial(options)) return state.next >= nextOffset;
  return deadLetters.some(({ record }) => redriveOf(state, record)?.run === options.run);
}

/** What a commit says beside the records. */
interface CommitOptions extends PartitionRedrive {
  readonly names: Names;
  readonly state: RedriveState;
  /** Of the topic of the notes. */
  readonly stateId: string | undefined;
}

/** The records, and beside them in the same transaction that they are redriven. */
async function commitBatch(
  transactor: Transactor,
  place: TopicPartition,
  { going, refused, nextOffset }: SortedBatch,
  options: CommitOptions,
): Promise<void> {
  const { names, state: { topicId, next }, stateId, run } = options;
  const metadata = formatOrigin({ topicId, state: stateId });
  const commit = (notes: readonly OutputRecord[], offset: number) =>
    transactor.commit({
      records: [...going.map(({ record }) => record), ...notes],
      offsets: [{ ...place, groupId: names.redrive, offset, metadata }],
    });
  if (!isPartial(options)) {
    // The offset passes over what could not go; the redrive says that it was not redriven.
    const redrives = refused.map(({ deadLetter }) =>
      redriveEntry(names, deadLetter.record, "", run, topicId)
    );
    return await commit([...redrives, nextEntry(names, place, nextOffset, topicId)], nextOffset);
  }
  const redrives = going.map(({ deadLetter, record }) =>
    redriveEntry(names, deadLetter.record, record.topic, run, topicId)
  );
  // The offset stays where it is, and says from now on which notes belong to it.
  if (redrives.length > 0) await commit(redrives, Math.max(0, next));
}
