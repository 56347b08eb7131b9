/** Folds partitions into a rebuild's tables up to where their logs end now. It never touches the live tables. */
import type { BatchBounds } from "../core/ports.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { foldBatch, type FoldDeps } from "./fold_batch.ts";
import type { LogSource } from "./log_source.ts";
import type { Pace } from "./pace.ts";
import { findPosition } from "./positions.ts";
import { explained, rebuildStep } from "./rebuild_step.ts";
import { replacedError, type StagedPartition, type Staging } from "./staging.ts";

/** What a replay needs beside the tables to fold into. */
export interface ReplayDeps extends FoldDeps {
  readonly source: LogSource;
  readonly bounds: BatchBounds;
  /** Each holds a connection while it commits. */
  readonly partitionsAtOnceMax: number;
  /** Called after each batch, before the next. */
  readonly pace: Pace;
}

/** Called after each batch that was folded. */
export type OnReplayed = (batch: { readonly events: number; readonly skipped: number }) => void;

/**
 * Folds every partition from its position to the end that its log has when this is called, and moves its position.
 * Outages are waited out; the first other failure stops all.
 */
export async function replayPartitions<Event extends ProjectionEvent>(
  deps: ReplayDeps,
  staging: Staging<Event>,
  partitions: readonly StagedPartition[],
  ends: ReadonlyMap<StagedPartition, number>,
  signal: AbortSignal,
  onReplayed: OnReplayed,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const fold = { ...deps, explain: (error: unknown) => explained(deps.sql, error, staging) };
  const waiting = [...partitions];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const end = ends.get(next) ?? 0;
      const partition = next;
      await rebuildStep(
        deps,
        either,
        () => replayPartition(fold, staging, partition, end, either, onReplayed),
        staging,
      );
    }
  };
  const workers = Array.from({ length: deps.partitionsAtOnceMax }, () =>
    work().catch((error) => {
      failed.abort(error);
      throw error;
    }));
  await Promise.allSettled(workers);
  // The first to fail is the reason of all the others.
  either.throwIfAborted();
}

async function replayPartition<Event extends ProjectionEvent>(
  deps: ReplayDeps,
  staging: Staging<Event>,
  partition: StagedPartition,
  end: number,
  signal: AbortSignal,
  onReplayed: OnReplayed,
): Promise<void> {
  if (partition.position >= end) return;
  await using reader = await deps.source.openReader(partition, partition.position);
  while (partition.position < end) {
    const batch = await reader.next(deps.bounds, signal);
    const { target } = staging;
    const outcome = await foldBatch(deps, target, partition, partition.position, batch, signal);
    if (outcome.kind === "applied") {
      partition.position = batch.nextOffset;
      onReplayed(outcome);
      await deps.pace(batch.records.length, signal);
      continue;
    }
    // Either an attempt had committed and its answer was lost, or these positions are not ours any more.
    const found = await findPosition(deps.sql, target, partition);
    if (found === undefined) throw replacedError(target.projection.name);
    partition.position = found;
    reader.seek(found);
  }
}
