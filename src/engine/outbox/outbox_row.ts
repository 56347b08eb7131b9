/** One row of the outbox, and its columns. */
import type { Queryable } from "../postgres/database.ts";

/** One event as it stands in the outbox. */
export interface OutboxRow {
  readonly shard: number;
  readonly position: number;
  readonly topic: string;
  readonly key: string;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly eventId: string;
  readonly eventType: string;
  readonly createdAt: Date;
  /** The transaction that wrote it, as text (xid8). */
  readonly xid: string;
}

/** The columns of an {@linkcode OutboxRow}. */
export function outboxColumns(sql: Queryable) {
  return sql`
    shard, position, topic, key, value, headers, event_id as "eventId", event_type as "eventType",
    created_at as "createdAt", xid::text as xid
  `;
}
