/** Catches a fold that writes elsewhere than into its own tables, before a rebuild does so a second time. */
import { HaltError } from "../core/errors.ts";
import type { Tx } from "../postgres/sql.ts";
import type { FoldTarget } from "./fold_target.ts";

/**
 * Runs the fold and looks at which tables it has written, by Postgres's own counters (`track_counts`, on by default). What a
 * fold does outside this Postgres nobody sees.
 *
 * @throws {HaltError} naming the tables that are not the fold's own
 */
export async function refusingSideEffectsInTransaction(
  tx: Tx,
  target: FoldTarget,
  fold: () => Promise<void>,
): Promise<void> {
  const before = await rowsWritten(tx);
  await fold();
  const own = new Set(target.projection.tables.map(({ name }) => target.table(name)));
  const foreign = [...await rowsWritten(tx)]
    .filter(([table, rows]) => rows > (before.get(table) ?? 0) && !own.has(table))
    .map(([table]) => table);
  if (foreign.length === 0) return;
  throw new HaltError(
    `Cannot rebuild ${target.projection.name}: its fold writes to ${
      foreign.join(", ")
    }, which is no table of it, ` +
      "and a rebuild would write all of that a second time. Nothing of it was written now. Let the fold write its own " +
      "tables only (a flow, or a trigger on the live tables, is the place for the rest), or declare the table as one of them",
  );
}

/** By table; with those of the session's last transactions, which the server takes over once a second. */
async function rowsWritten(tx: Tx): Promise<ReadonlyMap<string, number>> {
  const rows = await tx<{ table: string; rows: number }[]>`
    select schemaname || '.' || relname as table, (n_tup_ins + n_tup_upd + n_tup_del)::int as rows
    from pg_stat_xact_user_tables
    where n_tup_ins + n_tup_upd + n_tup_del > 0
  `;
  return new Map(rows.map(({ table, rows }) => [table, rows]));
}
