/** Puts the tables back that a rebuild has replaced. It makes no rows but those of records that came meanwhile. */
import { HaltError } from "../core/errors.ts";
import { formatPartition } from "../core/record.ts";
import { RefusedError } from "../core/refused_error.ts";
import type { Sql } from "../postgres/sql.ts";
import { type Projection, type ProjectionEvent, tablesIn } from "./define_projection.ts";
import { describeTablesInTransaction } from "./describe_tables.ts";
import { findInstalled } from "./install_projection.ts";
import type { LogSource } from "./log_source.ts";
import { otherLog } from "./missing_history.ts";
import { findOldTables, keptLabel, type KeptTables, oldTablesOf } from "./old_tables.ts";
import { quietOldTables } from "./quiet_old_tables.ts";
import { rebuildStep } from "./rebuild_step.ts";
import type { RebuildReport } from "./rebuild_projection.ts";
import { type RebuildDeps, type RebuildProgress, replayAndSwap } from "./replay_and_swap.ts";
import type { StagedPartition, Staging } from "./staging.ts";

/** What a rollback is about to do. */
export interface RollbackPlan {
  /** The version of the tables that come back, */
  readonly version: number;
  /** and of those that are live now. */
  readonly replacedVersion: number;
  /** Since when the old ones are not live any more: ISO 8601, UTC. */
  readonly keptAt: string;
  /** Offsets of the topics that they have not folded. */
  readonly behind: number;
}

/** What a rollback did: `events` came while the old tables were away. */
export interface RollbackReport extends Omit<RebuildReport, "dropped"> {
  /** Offsets that the old tables had not folded when it began; with `atOnce` the projectors do that now. */
  readonly behind: number;
}

/**
 * Folds into the old tables what came while they were away, round after round, and exchanges them with the live ones, which
 * are kept in their turn. With `atOnce` it exchanges them as they are: readers see the past until the projectors have caught
 * up. What was added to the live tables or taken off them since (policies, grants, indexes, triggers) holds for the old
 * ones, too; triggers do not fire again for what came meanwhile, but with `atOnce`.
 *
 * Killed at any moment, either is whole: what was folded is in the old tables with its position, and the exchange is one
 * transaction.
 *
 * @throws {HaltError} when the topics do not hold what the old tables lack, or the exchange would lose what others have
 * added to the live tables
 * @throws {RefusedError} when nothing is kept, or it is of another version
 */
export async function rollbackProjection<Event extends ProjectionEvent>(
  deps: RebuildDeps,
  options: {
    readonly projection: Projection<Event>;
    readonly signal: AbortSignal;
    readonly atOnce?: boolean;
    readonly beforeRollback?: (plan: RollbackPlan) => void | Promise<void>;
    readonly onProgress?: (progress: RebuildProgress) => void;
  },
): Promise<RollbackReport> {
  const { projection, signal, atOnce: isBehind = false } = options;
  const { sql, source } = deps;
  const { name, version } = projection;
  const startedAt = performance.now();
  const step = <T>(work: () => Promise<T>) => rebuildStep(deps, signal, work);
  const kept = fitting(projection, await step(() => findOldTables(sql, name)));
  const { partitions, behind } = await step(() => partitionsOf(sql, source, projection, kept));
  const replacedVersion = await step(() => findInstalled(sql, name)) ?? version;
  await options.beforeRollback?.({ version, replacedVersion, keptAt: kept.keptAt, behind });
  const own = await step(() => ownPieces(sql, name));
  if (!isBehind) await step(() => quietOldTables(sql, name, kept, own));
  const staging: Staging<Event> = {
    id: kept.id,
    schema: kept.schema,
    fresh: await step(() => describe(sql, kept)),
    target: {
      projection,
      label: keptLabel(name, kept.id),
      table: tablesIn(kept.schema),
      dedupe: deps.dedupe,
    },
    old: { own, isBehind },
  };
  const { swapped, ...done } = await replayAndSwap(deps, staging, partitions, options);
  const old = await step(() => findOldTables(sql, name));
  return {
    ...{ projection: name, version, replacedVersion, ...done, behind },
    kept: swapped.kept,
    old: old && oldTablesOf(old),
    elapsedMs: Math.round(performance.now() - startedAt),
  };
}

/** @throws {RefusedError} when they cannot be put back under this program */
function fitting(
  { name, version, tables }: Pick<Projection, "name" | "version" | "tables">,
  kept: KeptTables | undefined,
): KeptTables {
  const otherwise =
    "`deno task projection rebuild` makes the tables of this program's version from the topics";
  if (kept === undefined) {
    throw new RefusedError(
      `Cannot roll back ${name}: no old tables are kept. A rebuild keeps those that it replaces, until they are ` +
        `dropped; ${otherwise}`,
    );
  }
  if (kept.version !== version) {
    throw new RefusedError(
      `Cannot roll back ${name}: the old tables hold version ${kept.version} and this program makes version ${version}, ` +
        `so its projectors could not go on with them. Run this with the program of version ${kept.version}; ${otherwise}`,
    );
  }
  const lacking = tables.filter((table) => !kept.tables.includes(table.name));
  if (lacking.length > 0) {
    throw new RefusedError(
      `Cannot roll back ${name}: what was kept has no ${
        lacking.map((table) => table.name).join(", ")
      }, which was not there ` +
        `when the rebuild replaced it; ${otherwise}`,
    );
  }
  return kept;
}

/** Where the old tables stand in each partition. Throws a HaltError where the topic cannot bring them up to now. */
async function partitionsOf(
  sql: Sql,
  source: LogSource,
  { name, topics }: Pick<Projection, "name" | "topics">,
  { id }: KeptTables,
): Promise<{ readonly partitions: StagedPartition[]; readonly behind: number }> {
  const label = keptLabel(name, id);
  const rows = await sql`
    select topic, partition, next_offset from projection_positions where projection = ${label}
  `;
  const partitions: StagedPartition[] = [];
  let behind = 0;
  for (const topic of topics) {
    const topicId = await source.topicId?.(topic);
    for (const partition of await source.partitions(topic)) {
      const place = { topic, partition };
      const { start, end } = await source.range(place);
      const row = rows.find((one) => one.topic === topic && Number(one.partition) === partition);
      const position = Number(row?.next_offset ?? 0);
      const reason = position < start
        ? `starts at offset ${start}, and they have folded it up to ${position}`
        : await otherLog(sql, source, label, place, topicId);
      if (reason !== undefined) {
        throw new HaltError(
          `Cannot roll back ${name}: ${
            formatPartition(place)
          } ${reason}, so the old tables cannot catch up. The live ` +
            "tables are as they were; `deno task projection rebuild` folds what the topics hold now",
        );
      }
      behind += Math.max(end - position, 0);
      if (row !== undefined) partitions.push({ ...place, start: position, position });
    }
  }
  return { partitions, behind };
}

async function describe(sql: Sql, { schema, tables }: KeptTables) {
  const places = tables.map((table) => ({ schema, name: table }));
  return await sql.begin((tx) => describeTablesInTransaction(tx, places));
}

async function ownPieces(sql: Sql, name: string): Promise<ReadonlySet<string> | undefined> {
  const [row] = await sql`select kept_made_of::text as made from projections where name = ${name}`;
  if (typeof row?.made !== "string") return undefined;
  const made: unknown = JSON.parse(row.made);
  return Array.isArray(made) ? new Set(made.map(String)) : undefined;
}
