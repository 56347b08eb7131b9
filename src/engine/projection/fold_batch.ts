/** Folds one batch through outages, and finds the record that the tables refuse. It never skips one. */
import { HaltError } from "../core/errors.ts";
import type { InputBatch } from "../core/ports.ts";
import { formatPartition } from "../core/record.ts";
import type { Sql } from "../postgres/sql.ts";
import { applyBatch, type ApplyOutcome, type OnFoldStep } from "./apply_batch.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import type { FoldTarget } from "./fold_target.ts";
import type { FoldedPartition } from "./positions.ts";
import { type Backoff, type OnDependency, waitForPostgres } from "./wait_for_postgres.ts";

/** What folding needs beside the target. */
export interface FoldDeps {
  readonly sql: Sql;
  readonly backoff: Backoff;
  readonly onDependency?: OnDependency;
  readonly onStep?: OnFoldStep;
  /** Makes another error of one that no waiting would mend here. */
  readonly explain?: (error: unknown) => Promise<unknown>;
}

/**
 * Folds a batch that starts at `from`, waiting while Postgres is down. The outcome `moved` can also mean that an attempt
 * whose answer was lost had committed: read the position again.
 *
 * @throws {HaltError} naming the record that the tables refuse; all records before it are folded
 */
export async function foldBatch<Event extends ProjectionEvent>(
  deps: FoldDeps,
  target: FoldTarget<Event>,
  partition: FoldedPartition,
  from: number,
  batch: InputBatch,
  signal: AbortSignal,
): Promise<ApplyOutcome> {
  const apply = (start: number, part: InputBatch) =>
    waitForPostgres(
      () =>
        applyBatch(deps.sql, target, partition, start, part, deps.onStep).catch(async (error) => {
          throw await deps.explain?.(error) ?? error;
        }),
      deps.backoff,
      signal,
      deps.onDependency,
    );
  try {
    return await apply(from, batch);
  } catch (error) {
    if (!isRefusedData(error)) throw error;
  }
  return await foldOneByOne(partition, target.label, from, batch, apply);
}

async function foldOneByOne(
  partition: FoldedPartition,
  label: string,
  from: number,
  batch: InputBatch,
  apply: (from: number, part: InputBatch) => Promise<ApplyOutcome>,
): Promise<ApplyOutcome> {
  let position = from;
  const sum = { events: 0, skipped: 0, repeated: 0 };
  for (const [index, record] of batch.records.entries()) {
    const nextOffset = batch.records[index + 1]?.offset ?? batch.nextOffset;
    const mark = nextOffset === batch.nextOffset ? batch.mark : undefined;
    try {
      const outcome = await apply(position, { records: [record], nextOffset, mark });
      if (outcome.kind === "moved") return outcome;
      sum.events += outcome.events;
      sum.skipped += outcome.skipped;
      sum.repeated += outcome.repeated;
    } catch (error) {
      if (!isRefusedData(error)) throw error;
      throw new HaltError(
        `Cannot fold ${
          formatPartition(partition)
        } offset ${record.offset} into ${label}: the tables refuse it ` +
          `(${
            error instanceof Error ? error.message : error
          }); make the projection decode or skip such a record, ` +
          "then start again: it goes on from this offset",
        { cause: error },
      );
    }
    position = nextOffset;
  }
  return { kind: "applied", ...sum };
}

/** Data that the tables refuse (SQLSTATE classes 22 and 23), or too large (54): the same step fails again. */
function isRefusedData(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return typeof error.code === "string" && /^(22|23|54)[0-9A-Z]{3}$/.test(error.code);
}
