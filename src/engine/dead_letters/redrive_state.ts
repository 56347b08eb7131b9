/**
 * Which dead letters of one partition have been redriven. Owns the compacted topic `<namespace>.redriven`.
 *
 * Two kinds of entries. `<dlq>/<partition>` holds `next`: all below it were redriven, or passed over because they were
 * marked. `<dlq>/<partition>/<offset>` says that this one was redriven by itself. The group's committed offset says what
 * `next` says and is there for Kafka's own tools; alone it would not do, since it has no room for holes (its metadata is
 * limited to 4,096 bytes) and since offsets of an idle group expire after a week, and then everything would be redriven
 * a second time. Both are written in the transaction that carries the records back.
 *
 * Reading is sound once the partition's transactional id is held: InitProducerId returns after the markers of every
 * earlier transaction of this id are in the log. They lie below the high watermark that is asked for then, so reading up
 * to it, not to the last stable offset, sees them all: another id's open transaction on the same partition would hold
 * the last stable offset below redrives that are committed already.
 */
import { z } from "../packages/zod.ts";
import type { Names } from "../core/names.ts";
import { onlyPartition } from "../core/only_partition.ts";
import type { CommittedOffset } from "../core/ports.ts";
import type { OutputRecord, TopicPartition } from "../core/record.ts";
import { parseOrigin } from "../core/offset_metadata.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { readRange } from "../core/read_range.ts";
import type { RecordLog } from "./record_log.ts";

/** What is known of one partition of a dead-letter topic. */
export interface RedriveState {
  /** Of the dead-letter topic, where the cluster tells; what was noted of another topic of its name does not count. */
  readonly topicId: string | undefined;
  /** All dead letters below this offset were redriven; -1 where nothing was redriven yet. */
  readonly next: number;
  /** Those that were redriven by themselves, by offset. */
  readonly redrives: ReadonlyMap<number, Redrive>;
}

/** That one dead letter was redriven by itself. */
export interface Redrive {
  /** The dead letter's own, milliseconds. A redrive counts only for the record that it was made for. */
  readonly timestamp: number;
  /** The topic that it went to; empty where it could not go and was passed over. */
  readonly to: string;
  /** When, ISO 8601. */
  readonly at: string;
  /** The run of the command that did it. */
  readonly run: string;
}

// Earlier releases named no topic.
const topicShape = { topic_id: z.string().optional() };
const nextShape = z.object({ next: z.number().int().nonnegative(), ...topicShape });
const redriveShape = z.object({
  ...topicShape,
  timestamp: z.number(),
  to: z.string(),
  at: z.string(),
  run: z.string(),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How to read the state. */
export interface StateReading {
  /**
   * Waits for open transactions and reads to the high watermark: for deciding, while the partition's transactional id is
   * held. Otherwise what is visible at once: for showing.
   */
  readonly toHighWatermark?: boolean;
  readonly signal?: AbortSignal;
}

/** Reads the state of one partition. */
export async function readRedriveState(
  log: RecordLog,
  deadLetters: TopicPartition,
  committed: CommittedOffset,
  { toHighWatermark = false, signal }: StateReading = {},
): Promise<RedriveState> {
  const redrives = new Map<number, Redrive>();
  const topicId = await log.topicId?.(deadLetters.topic);
  const isOurs = (noted: string | undefined) => noted === undefined || noted === topicId;
  let next = -1;
  const place = onlyPartition(log.names.redriven);
  if (await log.partitionCount(place.topic) !== undefined) {
    const prefix = stateKey(deadLetters);
    const { start, end } = await log.range(place);
    const to = toHighWatermark ? await log.highWatermark(place) : end;
    for await (const records of readRange(log, { ...place, from: start, to }, signal)) {
      for (const { key, value } of records) {
        const name = key === null ? "" : decoder.decode(key);
        if (value === null || !name.startsWith(prefix)) continue;
        const text = decoder.decode(value);
        if (name === prefix) {
          const noted = nextShape.parse(JSON.parse(text));
          if (isOurs(noted.topic_id)) next = noted.next;
        }
        const offset = name.slice(prefix.length + 1);
        if (/^\d+$/.test(offset) && name[prefix.length] === "/") {
          const { topic_id, ...redrive } = redriveShape.parse(JSON.parse(text));
          if (isOurs(topic_id)) redrives.set(Number(offset), redrive);
        }
      }
    }
  }
  return { topicId, next: nextOf(committed, topicId) ?? next, redrives };
}

/**
 * An offset that was committed in this topic counts, also one that an operator has set; one that has expired does not,
 * nor one that names no topic: an earlier release wrote the same into its notes, and others have no say here.
 */
function nextOf({ offset, metadata }: CommittedOffset, topicId?: string): number | undefined {
  if (offset < 0) return undefined;
  return topicId === undefined || parseOrigin(metadata).topicId === topicId ? offset : undefined;
}

/** Whether this dead letter was redriven. */
export function isRedriven(
  state: RedriveState,
  record: { readonly offset: number; readonly timestamp: number },
): boolean {
  const redrive = redriveOf(state, record);
  return redrive ? redrive.to !== "" : record.offset < state.next;
}

/** The redrive of this dead letter, if it has one. */
export function redriveOf(
  { redrives }: RedriveState,
  { offset, timestamp }: { readonly offset: number; readonly timestamp: number },
): Redrive | undefined {
  const redrive = redrives.get(offset);
  // A topic that was deleted and recreated has other records at the same offsets.
  return redrive?.timestamp === timestamp ? redrive : undefined;
}

/** The entry that all below `next` is done. */
export function nextEntry(
  names: Names,
  deadLetters: TopicPartition,
  next: number,
  topicId: string | undefined,
): OutputRecord {
  return entry(names, stateKey(deadLetters), { next, topic_id: topicId });
}

/** The entry that this one is done. */
export function redriveEntry(
  names: Names,
  record: TopicPartition & { readonly offset: number; readonly timestamp: number },
  to: string,
  run: string,
  topicId?: string,
): OutputRecord {
  const { timestamp } = record;
  const redrive: Redrive = { timestamp, to, at: new Date().toISOString(), run };
  return entry(names, `${record.topic}/${formatAddress(record)}`, {
    ...redrive,
    topic_id: topicId,
  });
}

function entry(names: Names, name: string, value: object): OutputRecord {
  return {
    ...onlyPartition(names.redriven),
    key: encoder.encode(name),
    value: encoder.encode(JSON.stringify(value)),
    headers: [],
  };
}

function stateKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
