/** The relay's cursor: where it is kept, what is noted beside it, and whether this database is the one it belongs to. */
import { HaltError } from "../core/errors.ts";
import type { CommittedOffset } from "../core/ports.ts";
import type { Queryable, Sql } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import { type Hold, readHolds, writeHolds } from "./holds.ts";
import { rowAt } from "./row_at.ts";
import { findWrittenLate, moveBehind } from "./written_late.ts";

/** Where the cursor of one shard is kept: the group's offset on this topic, in the partition of the shard's number. */
export interface CursorPlace {
  readonly groupId: string;
  readonly cursorTopic: string;
  readonly shard: number;
}

/** What is said of a cursor. */
export interface Reached {
  /** The event just below it. */
  readonly eventId: string;
  /** Rows below it that wait. */
  readonly holds?: readonly Hold[];
  /**
   * An xid that was taken when all positions below the cursor had been: a row there that is of a later one was written after
   * the sequence was set back. Absent where that is not known.
   */
  readonly writtenBelow?: string | undefined;
}

/**
 * What is committed beside the offset, and which database it is of. With rows that wait the event has another name, so that
 * a relay of an older version halts and does not pass them by.
 */
export async function cursorMetadata(
  sql: Sql,
  { eventId, holds = [], writtenBelow: xid }: Reached,
): Promise<string> {
  const system = await systemOf(sql);
  if (holds.length === 0) return JSON.stringify({ system, event: eventId, xid });
  return JSON.stringify({ system, passed: eventId, xid, held: writeHolds(holds) });
}

/**
 * The metadata of a cursor at this offset, from the row just below it; undefined where there is none. Rows below it that
 * wait by the metadata that is there now wait on.
 */
export async function cursorMetadataAt(
  sql: Sql,
  shard: number,
  offset: number,
  metadataNow = "",
): Promise<string | undefined> {
  const row = await rowAt(sql, shard, offset - 1);
  const holds = heldIn(metadataNow).filter(({ after }) => after < offset - 1);
  return row && cursorMetadata(sql, { eventId: row.eventId, holds });
}

/** The rows that wait below a cursor with this metadata; none where it is not ours. */
export function heldIn(metadata: string): readonly Hold[] {
  try {
    return readHolds(JSON.parse(metadata)?.held) ?? [];
  } catch {
    return [];
  }
}

const systems = new WeakMap<Queryable, Promise<string>>();

/** The database cluster's own identifier, made by initdb; asked for once per pool. */
function systemOf(sql: Queryable): Promise<string> {
  let known = systems.get(sql);
  if (!known) {
    known = readSystem(sql);
    systems.set(sql, known);
    known.catch(() => systems.delete(sql));
  }
  return known;
}

async function readSystem(sql: Queryable): Promise<string> {
  const rows = await translatingErrors(() =>
    sql<{ system: string }[]>`
      select system_identifier::text || '/' || current_database() as system from pg_control_system()
    `
  );
  return rows[0]?.system ?? "";
}

/** How far the outbox was published. */
export interface CheckedCursor {
  /** The position of the last event that was published, 0 where there is none. */
  readonly after: number;
  readonly eventId: string | undefined;
  /** Rows up to there that were passed by and wait. */
  readonly holds: readonly Hold[];
  /** As in {@linkcode Reached}. */
  readonly writtenBelow?: string | undefined;
  /** The event's row was deleted here, after it was published or passed by. */
  readonly isRowGone?: boolean;
}

/**
 * The position to go on after, once the cursor is known to belong to this database.
 *
 * @throws {HaltError} when the event below the cursor is not the one that was published: the database was restored to an
 * earlier state, or is another one, or its sequence was set back, and going on would pass over orders without a word
 */
export async function checkCursor(
  sql: Queryable,
  { shard, groupId, cursorTopic }: CursorPlace,
  cursor: CommittedOffset,
): Promise<CheckedCursor> {
  const where = `The cursor of outbox shard ${shard} (group ${groupId}, ${cursorTopic}-${shard})`;
  const statement = `delete from outbox_relayed where shard = ${shard}`;
  const noted = await relayedUpTo(sql, shard);
  if (cursor.offset < 0) {
    if (noted === undefined) return { after: 0, eventId: undefined, holds: [] };
    throw new HaltError(
      `${where} is gone although all up to position ${noted} was published: it expired, Kafka's data was replaced, or the relay has ` +
        `another name than it had (NAMESPACE, the outbox's name): then set that back. Otherwise stop the workers; ` +
        `to go on behind that position, run "deno task worker offsets set --group ${groupId} ` +
        `--topic ${cursorTopic} --partition ${shard} --to ${
          noted + 1
        }", or call setRelayCursor (what was published within a second after that ` +
        `checkpoint is published twice, and what relay:${shard} at /readyz had named as held back is skipped); to publish every row that is in the outbox now, run in Postgres: ${statement}`,
    );
  }
  const goOn = noted === undefined
    ? ""
    : ` Where it was Postgres, stop the workers and run: deno task worker offsets set --group ${groupId} ` +
      `--topic ${cursorTopic} --partition ${shard} --to ${
        noted + 1
      }, or call setRelayCursor (what is here of the second after that position, and was ` +
      `published before, is published twice; all that was written since is published; "deno task verify" names what is lost here).`;
  const restart =
    `Find out which of the two was restored or replaced.${goOn} To publish every row that is in the outbox now ` +
    `(events may then be published twice), stop the workers, delete the offset (kafka-consumer-groups.sh ` +
    `--delete-offsets --group ${groupId} --topic ${cursorTopic}:${shard}), and run in Postgres: ${statement}`;
  const position = cursor.offset - 1;
  const { system, event, holds, writtenBelow } = parseMetadata(cursor.metadata, where);
  const here = await systemOf(sql);
  if (system !== here) {
    throw new HaltError(
      `${where} was written for database ${system}, and this is ${here}. ${restart}`,
    );
  }
  const found = (await rowAt(sql, shard, position))?.eventId;
  // A database that has noted the cursor's own position is no earlier state of itself: what is missing was deleted by hand.
  const isRowGone = found === undefined && noted === position;
  if (found === event || isRowGone) {
    const range = { shard, after: noted ?? 0, below: position, xid: writtenBelow };
    const late = await findWrittenLate(sql, range);
    if (late === undefined) {
      return { after: position, eventId: event, holds, writtenBelow, isRowGone };
    }
    throw new HaltError(
      `${where} stands at position ${position}, and event ${late.eventId} at position ${late.position} was written when ` +
        `all up to there was published: the sequence outbox_position was set back, and going on would skip it. Run in ` +
        `Postgres: ${
          moveBehind(range)
        } Then start the worker again: it publishes that event and all behind it, none twice`,
    );
  }
  throw new HaltError(
    `${where} stands behind event ${event} at position ${position}, where this database has ` +
      `${found ?? "no row"}: it was restored to an earlier state. ${restart}`,
  );
}

function parseMetadata(text: string, where: string): {
  readonly system: string;
  readonly event: string;
  readonly holds: readonly Hold[];
  readonly writtenBelow: string | undefined;
} {
  const ours = () => {
    const { system, event, passed, held, xid } = JSON.parse(text);
    const holds = held === undefined ? [] : readHolds(held);
    const below = held === undefined ? event : passed;
    if (typeof system !== "string" || typeof below !== "string" || !holds) return undefined;
    const writtenBelow = typeof xid === "string" && /^\d+$/.test(xid) ? xid : undefined;
    return { system, event: below, holds, writtenBelow };
  };
  let cause: unknown;
  try {
    const found = ours();
    if (found) return found;
  } catch (error) {
    cause = error;
  }
  throw new HaltError(`${where} carries metadata that is not ours: ${text}`, { cause });
}

/** A position that this shard's cursor in Kafka has certainly reached; undefined where it is not known to have one. */
export async function relayedUpTo(sql: Queryable, shard: number): Promise<number | undefined> {
  const rows = await translatingErrors(() =>
    sql<{ position: number }[]>`select position from outbox_relayed where shard = ${shard}`
  );
  return rows[0]?.position;
}

/**
 * The lowest offset that the cursor can have, or -1 where there need not be one: `after` is the position that this process
 * knows to be published (0 or -1 for none), `checkpoint` the one that Postgres does.
 */
export function lowestCursor(after: number, checkpoint: number | undefined): number {
  if (after <= 0 && checkpoint === undefined) return -1;
  return Math.max(after, checkpoint ?? 0) + 1;
}

/** Writes to Postgres that this shard's cursor in Kafka was at this position, so that its loss is noticed. */
export async function writeRelayCheckpoint(
  sql: Sql,
  shard: number,
  position: number,
): Promise<void> {
  await translatingErrors(() =>
    sql`
      insert into outbox_relayed (shard, position) values (${shard}, ${position})
      on conflict (shard) do update set position = excluded.position, noted_at = clock_timestamp()
    `
  );
}
