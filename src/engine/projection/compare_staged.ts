/** Compares a rebuild's tables with the live ones at one place of the log, while both go on. It swaps nothing. */
import { delay } from "../core/delay.ts";
import type { InputBatch } from "../core/ports.ts";
import type { Tx } from "../postgres/sql.ts";
import { applyBatch } from "./apply_batch.ts";
import { compareTablesInTransaction, type TableDifference } from "./compare_tables.ts";
import { type ProjectionEvent, quoteName } from "./define_projection.ts";
import { liveSchemaInTransaction } from "./exchange_tables.ts";
import { replacedError, type StagedPartition, type Staging } from "./staging.ts";
import { findGoalsInTransaction, isTooFar, type SwapDeps } from "./swap_staging.ts";

/** How the new tables differ from the live ones. */
export interface Comparison {
  /** Each table that either of them has. */
  readonly tables: readonly TableDifference[];
  /** Offsets that only the new tables have folded, since no projector has brought the live ones there: 0 for one cut. */
  readonly liveBehind: number;
}

const awaitLiveMsMax = 10_000;
const lookAgainMs = 100;

/**
 * Brings the new tables to where the live ones are, while those are held there, and takes a snapshot of both: the
 * projectors stand still until then, and go on while it is compared. Undefined where the live ones are too far ahead: fold
 * on, then try again.
 */
export async function compareStaged<Event extends ProjectionEvent>(
  deps: SwapDeps,
  staging: Staging<Event>,
  partitions: readonly StagedPartition[],
  rowsMax: number,
  signal: AbortSignal,
): Promise<Comparison | undefined> {
  const until = performance.now() + awaitLiveMsMax;
  while (true) {
    const isLast = performance.now() > until;
    const outcome = await compareOnce(deps, staging, partitions, { rowsMax, isLast }, signal);
    if (outcome !== "live is behind") return outcome;
    await delay(lookAgainMs, signal);
  }
}

async function compareOnce<Event extends ProjectionEvent>(
  deps: SwapDeps,
  staging: Staging<Event>,
  partitions: readonly StagedPartition[],
  { rowsMax, isLast }: { readonly rowsMax: number; readonly isLast: boolean },
  signal: AbortSignal,
): Promise<Comparison | "live is behind" | undefined> {
  const { sql } = deps;
  let comparing: Promise<readonly TableDifference[]> | undefined;
  let liveBehind = 0;
  try {
    const held = await sql.begin(async (tx) => {
      await tx`select set_config('lock_timeout', ${`${deps.lockTimeoutMs}ms`}, true)`;
      const found = await findGoalsInTransaction(tx, deps.source, staging, partitions);
      if (found === undefined || isTooFar(deps, found.goals)) return "behind";
      ({ liveBehind } = found);
      if (liveBehind > 0 && !isLast) return "live is behind";
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(deps.catchUpMsMax)]);
      for (const { partition, goal } of found.goals) {
        await using reader = await deps.source.openReader(partition, partition.position);
        while (partition.position < goal) {
          const batch = upTo(goal, await reader.next(deps.bounds, bounded));
          const outcome = await applyBatch(
            sql,
            staging.target,
            partition,
            partition.position,
            batch,
          );
          if (outcome.kind === "moved") throw replacedError(staging.target.projection.name);
          partition.position = batch.nextOffset;
        }
      }
      const cut = Promise.withResolvers<void>();
      comparing = sql.begin("isolation level repeatable read read only", async (snapshot) => {
        await snapshot`select set_config('statement_timeout', '0', true)`;
        cut.resolve();
        return await compareInTransaction(snapshot, staging, rowsMax);
      });
      comparing.catch(cut.reject);
      await cut.promise;
      return "held";
    });
    if (held !== "held") return held === "behind" ? undefined : "live is behind";
  } catch (error) {
    await comparing?.catch(() => {});
    throw error;
  }
  return { tables: await comparing ?? [], liveBehind };
}

/** No further than where the live tables are: a batch may reach beyond that. */
function upTo(goal: number, batch: InputBatch): InputBatch {
  if (batch.nextOffset <= goal) return batch;
  return { records: batch.records.filter(({ offset }) => offset < goal), nextOffset: goal };
}

async function compareInTransaction(
  tx: Tx,
  { schema, target: { projection } }: Staging<ProjectionEvent>,
  rowsMax: number,
): Promise<readonly TableDifference[]> {
  const [installed] = await tx`select tables from projections where name = ${projection.name}`;
  const live: readonly string[] = installed?.tables ?? [];
  const names = projection.tables.map(({ name }) => name);
  const home = await liveSchemaInTransaction(tx, [...live, ...names]);
  const tables: TableDifference[] = [];
  for (const name of new Set([...names, ...live])) {
    const places = {
      live: await there(tx, quoteName(`${home}.${name}`)),
      staged: await there(tx, quoteName(`${schema}.${name}`)),
    };
    tables.push(await compareTablesInTransaction(tx, { name, ...places }, rowsMax));
  }
  return tables;
}

async function there(tx: Tx, table: string): Promise<string | undefined> {
  const [row] = await tx`select to_regclass(${table}) is not null as there`;
  return row?.there ? table : undefined;
}
