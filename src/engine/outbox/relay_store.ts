/** What the relay of one shard asks of Postgres. */
import { DependencyDownError } from "../core/errors.ts";
import type { CommittedOffset } from "../core/ports.ts";
import type { Sql } from "../postgres/database.ts";
import { whyNoWrites } from "../postgres/takes_writes.ts";
import { type BarrierRead, barrierRead, type BarrierReadOptions } from "./barrier_read.ts";
import type { OutboxRow } from "./outbox_row.ts";
import { type Deleted, deletePublishedBelow, type Retention } from "./delete_published.ts";
import {
  checkCursor,
  type CheckedCursor,
  cursorMetadata,
  type CursorPlace,
  type Reached,
  relayedUpTo,
  writeRelayCheckpoint,
} from "./relay_cursor.ts";
import { rowsBetween, type RowsRange } from "./row_at.ts";
import { recordTopics } from "./written_topics.ts";

/** The outbox of one shard, and what is noted beside it. Each of these throws where Postgres is away. */
export interface RelayStore {
  /** The next rows: {@linkcode barrierRead}. */
  read(options: Omit<BarrierReadOptions, "shard">): Promise<BarrierRead>;
  /** {@linkcode checkCursor}, where the server takes writes. */
  check(cursor: CommittedOffset): Promise<CheckedCursor>;
  /** {@linkcode cursorMetadata} */
  metadata(reached: Reached): Promise<string>;
  /** {@linkcode rowsBetween} */
  between(range: Omit<RowsRange, "shard">): Promise<readonly OutboxRow[]>;
  /** {@linkcode relayedUpTo} */
  relayedUpTo(): Promise<number | undefined>;
  /** {@linkcode writeRelayCheckpoint} */
  checkpoint(position: number): Promise<void>;
  /** {@linkcode recordTopics} */
  recordTopics(topics: readonly string[]): Promise<void>;
  /** {@linkcode deletePublishedBelow} */
  remove(retention: Omit<Retention, "shard">): Promise<Deleted>;
}

/** On a database. */
export function relayStore(sql: Sql, place: CursorPlace): RelayStore {
  const { shard } = place;
  return {
    read: (options) => barrierRead(sql, { shard, ...options }),
    async check(cursor) {
      // A server that takes no writes answers all that a session begins with, and refuses the note of what it did.
      const reason = await whyNoWrites(sql);
      if (reason !== undefined) throw new DependencyDownError("postgres", reason);
      return await checkCursor(sql, place, cursor);
    },
    metadata: (reached) => cursorMetadata(sql, reached),
    between: (range) => rowsBetween(sql, { shard, ...range }),
    relayedUpTo: () => relayedUpTo(sql, shard),
    checkpoint: (position) => writeRelayCheckpoint(sql, shard, position),
    recordTopics: (topics) => recordTopics(sql, topics),
    remove: (retention) => deletePublishedBelow(sql, { shard, ...retention }),
  };
}
