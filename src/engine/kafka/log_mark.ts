/**
 * A note of the batch that lies just below a position: what tells the log that was read from another one at the same place.
 * Pure. Its text is kept with a committed offset, and means nothing outside of this room.
 */
import type { RecordBatch } from "./codec/record_batch.ts";

/** What is noted of a batch. */
export type LogMark = Pick<
  RecordBatch,
  | "leaderEpoch"
  | "baseOffset"
  | "lastOffset"
  | "recordCount"
  | "producerId"
  | "producerEpoch"
  | "baseSequence"
  | "maxTimestamp"
>;

/** Without the batch's bytes, whose memory it would hold on to. */
export function markOf(batch: RecordBatch): LogMark {
  const { leaderEpoch, baseOffset, lastOffset, recordCount } = batch;
  const { producerId, producerEpoch, baseSequence, maxTimestamp } = batch;
  return {
    ...{ leaderEpoch, baseOffset, lastOffset, recordCount },
    ...{ producerId, producerEpoch, baseSequence, maxTimestamp },
  };
}

/** A text without spaces. */
export function formatMark(mark: LogMark): string {
  return [
    mark.leaderEpoch,
    mark.baseOffset,
    mark.lastOffset,
    mark.recordCount,
    mark.producerId,
    mark.producerEpoch,
    mark.baseSequence,
    mark.maxTimestamp,
  ].join(":");
}

/** Undefined where the text is none of these: another release may have written it. */
export function parseMark(text: string): LogMark | undefined {
  if (!/^-?\d+(:-?\d+){7}$/.test(text)) return undefined;
  const [epoch, base, last, count, id, producerEpoch, sequence, timestamp] = text.split(":");
  return {
    leaderEpoch: Number(epoch),
    baseOffset: Number(base),
    lastOffset: Number(last),
    recordCount: Number(count),
    producerId: BigInt(id ?? -1),
    producerEpoch: Number(producerEpoch),
    baseSequence: Number(sequence),
    maxTimestamp: Number(timestamp),
  };
}

/**
 * Whether a batch that holds the mark's last offset is the noted one. Compaction keeps offsets, producer and epoch of a
 * batch and takes records out of it; only then may its newest time be another.
 */
export function isMarked(mark: LogMark, batch: LogMark): boolean {
  return mark.leaderEpoch === batch.leaderEpoch && mark.baseOffset === batch.baseOffset &&
    mark.lastOffset === batch.lastOffset && mark.producerId === batch.producerId &&
    mark.producerEpoch === batch.producerEpoch && mark.baseSequence === batch.baseSequence &&
    (mark.recordCount !== batch.recordCount || mark.maxTimestamp === batch.maxTimestamp);
}
