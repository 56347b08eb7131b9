/** Reads a stretch of a partition, batch by batch, and never waits for records beyond it. */
import type { BatchBounds, PartitionReader } from "./ports.ts";
import { formatPartition, type InputRecord, type TopicPartition } from "./record.ts";

/** Opens readers of partitions, without a group. */
export interface RangeSource {
  openReader(
    partition: TopicPartition,
    fromOffset: number,
  ): Promise<PartitionReader & AsyncDisposable>;
}

/** Records of one partition from `from` on, below `to`. */
export interface Stretch extends TopicPartition {
  readonly from: number;
  readonly to: number;
}

const bounds: BatchBounds = { recordsMax: 1_000, bytesMax: 4 * 1024 * 1024 };
const stallMsMax = 60_000;

/**
 * Yields the committed records of a stretch, at most a thousand at a time.
 *
 * @throws when nothing arrives for a minute: a transaction below `to` stays open, or the leader is gone
 */
export async function* readRange(
  source: RangeSource,
  { from, to, ...partition }: Stretch,
  signal: AbortSignal = neverAborted,
): AsyncGenerator<readonly InputRecord[]> {
  if (from >= to) return;
  await using reader = await source.openReader(partition, from);
  for (let position = from; position < to;) {
    const { records, nextOffset } = await unlessStalled(
      (limited) => reader.next(bounds, limited),
      signal,
      () =>
        `Cannot read ${formatPartition(partition)} from ${position} up to ${to}: nothing came ` +
        `for ${stallMsMax} ms. A transaction is open there, or the partition has no leader`,
    );
    const wanted = records.filter(({ offset }) => offset < to);
    if (wanted.length > 0) yield wanted;
    position = nextOffset;
  }
}

const neverAborted = new AbortController().signal;

async function unlessStalled<T>(
  step: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  message: () => string,
): Promise<T> {
  signal.throwIfAborted();
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(message())), stallMsMax);
  try {
    return await step(AbortSignal.any([signal, stalled.signal]));
  } finally {
    clearTimeout(timer);
  }
}
