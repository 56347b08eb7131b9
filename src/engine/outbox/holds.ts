/**
 * Rows that the relay has passed by because something stands in their way: their topic is missing, refuses what is written
 * to it, or takes no record of their size, or their partition has no leader. They are kept in the cursor's metadata, so that
 * they move with the cursor in one transaction. Pure.
 *
 * Order holds per key within a topic, so that a topic that is missing or refuses holds back its own rows, a partition those
 * of its keys, and a row that is too large those behind it with its key. Every other row is published.
 */
import { partitionForKey } from "../core/partition_for_key.ts";
import type { OutboxRow } from "./outbox_row.ts";

/** Not published yet: the rows of this topic, and of this key or partition where there is one, from `after` up to the cursor. */
export interface Hold {
  /** Its topic. */
  readonly topic: string;
  /** The key, where only rows of one wait. */
  readonly key?: string;
  /** The partition, where only rows of one wait. */
  readonly partition?: HeldPartition;
  /** The position of the outbox behind which the rows wait. */
  readonly after: number;
}

/** All keys that belong to this partition, where the topic has so many: it stays the same keys when more are added. */
export interface HeldPartition {
  /** Its number, */
  readonly partition: number;
  /** among so many. */
  readonly count: number;
}

/** Why a row cannot be published now, and for how much of its topic that holds: for its key where nothing else is said. */
export interface Obstacle {
  readonly wholeTopic: boolean;
  readonly partition?: HeldPartition;
  /** What stands in the way, and the remedy. */
  readonly reason: string;
}

/** Rows, divided into what is published and what waits. */
export interface Sorted<R extends HeldBy = OutboxRow> {
  readonly published: readonly R[];
  readonly holds: readonly Hold[];
  /** Rows from here on must wait: no further hold can be noted. */
  readonly stoppedAt: R | undefined;
}

type HeldBy = Pick<OutboxRow, "topic" | "key" | "position">;

/** Kafka keeps 4,096 bytes of metadata for an offset (`offset.metadata.max.bytes`); the rest of ours takes 200. */
const holdBytesMax = 3_000;

/** Divides rows, in order of position; new holds are added to the ones that are there. */
export function sortOut<R extends HeldBy>(
  rows: readonly R[],
  holds: readonly Hold[],
  obstacleTo: (row: R) => Obstacle | undefined,
): Sorted<R> {
  const published: R[] = [];
  let now = holds;
  for (const row of rows) {
    if (isHeld(row, now)) continue;
    const obstacle = obstacleTo(row);
    if (!obstacle) {
      published.push(row);
      continue;
    }
    const more = withHold(now, row, obstacle);
    if (!more) return { published, holds: now, stoppedAt: row };
    now = more;
  }
  return { published, holds: now, stoppedAt: undefined };
}

/** What comes of one hold when its rows are looked at again; `undefined` where its first row still cannot be published. */
export interface Released<R extends HeldBy = OutboxRow> {
  readonly published: readonly R[];
  /** All holds, from then on. */
  readonly holds: readonly Hold[];
  /** Whether the hold is gone: there is no row left under it. */
  readonly isWhole: boolean;
}

/**
 * Looks again at the rows of `hold`, the next ones of its topic (and key) up to the cursor in order of position; there may
 * be more where `more` says so.
 */
export function releaseFrom<R extends HeldBy>(
  hold: Hold,
  rows: readonly R[],
  { holds, more }: { readonly holds: readonly Hold[]; readonly more: boolean },
  obstacleTo: (row: R) => Obstacle | undefined,
): Released<R> | undefined {
  const at = holds.indexOf(hold);
  const others = holds.filter((other) => other !== hold);
  const own = rows.filter((row) => isUnder(row, hold));
  const { published, holds: sorted, stoppedAt } = sortOut(own, others, obstacleTo);
  const [first] = own;
  const isStuck = first !== undefined && published.length === 0 && !isHeld(first, others) &&
    (hold.key !== undefined || stoppedAt === first);
  if (isStuck) return undefined;
  const reached = stoppedAt ? stoppedAt.position - 1 : rows.at(-1)?.position ?? hold.after;
  const isWhole = stoppedAt === undefined && !more;
  const rest = isWhole ? [] : [{ ...hold, after: reached }];
  const added = sorted.slice(others.length);
  // Its own rows may bring the very same hold back: looked at again and again, they would never end.
  if (published.length === 0 && added.some((again) => isSame(again, hold))) return undefined;
  return {
    published,
    isWhole,
    holds: [...others.slice(0, at), ...rest, ...others.slice(at), ...added],
  };
}

function isSame(one: Hold, other: Hold): boolean {
  return one.topic === other.topic && one.key === other.key && one.after === other.after &&
    one.partition?.partition === other.partition?.partition &&
    one.partition?.count === other.partition?.count;
}

/** Whether one of these holds the row back. */
export function isHeld(row: HeldBy, holds: readonly Hold[]): boolean {
  return holds.some((hold) => row.position > hold.after && isUnder(row, hold));
}

function isUnder({ topic, key }: HeldBy, hold: Hold): boolean {
  const { partition } = hold;
  return hold.topic === topic && (hold.key === undefined || hold.key === key) &&
    (!partition || partitionForKey(key, partition.count) === partition.partition);
}

/** Too many keys of a topic to be noted one by one hold the whole topic back from here on; undefined where that is too much, too. */
function withHold(
  holds: readonly Hold[],
  { topic, key, position }: HeldBy,
  { wholeTopic, partition }: Obstacle,
): readonly Hold[] | undefined {
  const after = position - 1;
  const part = partition ? { topic, partition, after } : { topic, key, after };
  const candidates: readonly Hold[] = wholeTopic ? [{ topic, after }] : [part, { topic, after }];
  return candidates.map((hold) => [...holds, hold]).find(fits);
}

function fits(holds: readonly Hold[]): boolean {
  return encoder.encode(JSON.stringify(writeHolds(holds))).length <= holdBytesMax;
}

const encoder = new TextEncoder();

/** As they stand in the metadata. */
export function writeHolds(holds: readonly Hold[]): readonly unknown[] {
  return holds.map(({ topic, after, key, partition }) => {
    if (partition) return [topic, after, partition.partition, partition.count];
    return key === undefined ? [topic, after] : [topic, after, key];
  });
}

/** The holds in a part of the metadata; undefined where it is none. */
export function readHolds(part: unknown): readonly Hold[] | undefined {
  if (!Array.isArray(part)) return undefined;
  const holds: Hold[] = [];
  for (const item of part) {
    if (!Array.isArray(item)) return undefined;
    const [topic, after, key, count] = item;
    if (typeof topic !== "string" || !Number.isSafeInteger(after)) return undefined;
    if (Number.isSafeInteger(key) && Number.isSafeInteger(count) && key >= 0 && key < count) {
      holds.push({ topic, after, partition: { partition: key, count } });
      continue;
    }
    if (key !== undefined && typeof key !== "string") return undefined;
    holds.push(key === undefined ? { topic, after } : { topic, after, key });
  }
  return holds;
}

/** Rows below this position are published, every one: `after` is the cursor's own row. */
export function publishedBelow(after: number, holds: readonly Hold[]): number {
  return holds.reduce((lowest, hold) => Math.min(lowest, hold.after + 1), after);
}
