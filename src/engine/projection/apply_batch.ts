/** Folds one batch of records: rows and position in one Postgres transaction. It never reads the log and never retries. */
import { HaltError } from "../core/errors.ts";
import type { InputBatch } from "../core/ports.ts";
import { formatPartition, type InputRecord, type TopicPartition } from "../core/record.ts";
import type { Sql, Tx } from "../postgres/sql.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import type { FoldTarget } from "./fold_target.ts";
import { type FoldedPartition, movePositionInTransaction } from "./positions.ts";
import { refusingSideEffectsInTransaction } from "./refuse_side_effects.ts";

/**
 * What became of a batch:
 * - `applied`: its rows and its position are committed. `skipped` records held no event of this projection,
 *   `repeated` ones held an event that was folded before (only under `dedupe: "event_id"`);
 * - `moved`: the position was not where the batch starts, and nothing was written. Read the position again.
 */
export type ApplyOutcome =
  | {
    readonly kind: "applied";
    readonly events: number;
    readonly skipped: number;
    readonly repeated: number;
  }
  | { readonly kind: "moved" };

/** Where a fold stands; named for crash tests. */
export type FoldStep = "before-commit" | "after-commit";

/** Called at each step; a test may crash or wait there. */
export type OnFoldStep = (step: FoldStep, partition: TopicPartition) => void | Promise<void>;

/**
 * Folds a batch that starts at `from`, in a transaction of its own.
 *
 * When this throws, the transaction may have committed all the same (the connection can die while the answer is on its
 * way). Call it again with the same batch: the position then tells.
 */
export async function applyBatch<Event extends ProjectionEvent>(
  sql: Sql,
  target: FoldTarget<Event>,
  partition: FoldedPartition,
  from: number,
  batch: InputBatch,
  onStep?: OnFoldStep,
): Promise<ApplyOutcome> {
  const decoded = decodeBatch(target, partition, from, batch);
  const outcome = await sql.begin(async (tx) => {
    const folded = await foldInTransaction(tx, target, partition, decoded);
    await onStep?.("before-commit", partition);
    return folded;
  });
  await onStep?.("after-commit", partition);
  return outcome;
}

/** The same in the caller's transaction: for a rebuild, which catches up while it holds the live positions. */
export async function applyBatchInTransaction<Event extends ProjectionEvent>(
  tx: Tx,
  target: FoldTarget<Event>,
  partition: FoldedPartition,
  from: number,
  batch: InputBatch,
): Promise<ApplyOutcome> {
  return await foldInTransaction(
    tx,
    target,
    partition,
    decodeBatch(target, partition, from, batch),
  );
}

interface DecodedBatch<Event> {
  readonly from: number;
  readonly to: number;
  readonly mark: string | undefined;
  readonly events: readonly Event[];
  readonly skipped: number;
}

function decodeBatch<Event extends ProjectionEvent>(
  target: FoldTarget<Event>,
  partition: FoldedPartition,
  from: number,
  batch: InputBatch,
): DecodedBatch<Event> {
  checkBounds(partition, from, batch);
  const events: Event[] = [];
  for (const record of batch.records) {
    const event = decodeRecord(target, record);
    if (event !== undefined) events.push(event);
  }
  return {
    from,
    to: batch.nextOffset,
    mark: batch.mark,
    events,
    skipped: batch.records.length - events.length,
  };
}

/** A decoder that throws would throw again for ever: that is a fault of the projection, and not to be waited out. */
function decodeRecord<Event extends ProjectionEvent>(
  target: FoldTarget<Event>,
  record: InputRecord,
): Event | undefined {
  try {
    return target.projection.decode(record);
  } catch (error) {
    throw new HaltError(
      `Cannot decode ${
        formatPartition(record)
      } offset ${record.offset} for ${target.label}: its decoder threw ` +
        "instead of returning undefined; fix the projection and start it again",
      { cause: error },
    );
  }
}

async function foldInTransaction<Event extends ProjectionEvent>(
  tx: Tx,
  target: FoldTarget<Event>,
  partition: FoldedPartition,
  batch: DecodedBatch<Event>,
): Promise<ApplyOutcome> {
  if (!await movePositionInTransaction(tx, target, partition, batch)) {
    return { kind: "moved" };
  }
  const events = target.dedupe === "event_id"
    ? await claimEventsInTransaction(tx, target.label, batch.events)
    : batch.events;
  if (events.length > 0) {
    const fold = () => target.projection.apply(tx, events, target.table);
    const isRebuild = target.label !== target.projection.name;
    await (isRebuild ? refusingSideEffectsInTransaction(tx, target, fold) : fold());
  }
  return {
    kind: "applied",
    events: events.length,
    skipped: batch.skipped,
    repeated: batch.events.length - events.length,
  };
}

/** Notes the events as processed and returns those that were not, each once, in their order. */
async function claimEventsInTransaction<Event extends ProjectionEvent>(
  tx: Tx,
  label: string,
  events: readonly Event[],
): Promise<readonly Event[]> {
  if (events.length === 0) return [];
  // Sorted, because two transactions that claim the same ids in different orders would deadlock.
  const ids = JSON.stringify(events.map(({ eventId }) => {
    if (eventId !== undefined) return eventId;
    throw new HaltError(
      `Cannot fold an event without an eventId into ${label}: under dedupe "event_id" its decoder must give one`,
    );
  }));
  const claimed = await tx`
    insert into processed_events (projection, event_id)
    select ${label}, id::uuid
    from json_array_elements_text(${ids}::text::json) as listed (id) order by id::uuid
    on conflict do nothing
    returning event_id
  `;
  const fresh = new Set(claimed.map((row) => String(row.event_id)));
  return events.filter((event) => fresh.delete(event.eventId?.toLowerCase() ?? ""));
}

/** A batch that does not start where the last one ended would be folded with a hole or an overlap. */
function checkBounds(partition: TopicPartition, from: number, batch: InputBatch): void {
  const outside = (record: InputRecord) =>
    record.offset < from || record.offset >= batch.nextOffset;
  if (batch.nextOffset >= from && !batch.records.some(outside)) return;
  throw new RangeError(
    `Cannot fold ${formatPartition(partition)} from offset ${from} to ${batch.nextOffset}: ` +
      `the reader gave offsets ${
        batch.records.map((record) => record.offset).slice(0, 5).join(", ")
      } …`,
  );
}
