/** Catches a fold that writes elsewhere than into its own tables, before a rebuild does so a second time. */
import { HaltError } from "../core/errors.ts";
import type { Tx } from "../postgres/sql.ts";
import type { FoldTarget } from "./fold_target.ts";

/** What folding itself writes beside the projection's tables. */
const ownBooks = new Set(["projection_positions", "processed_events"]);

/**
 * Looks at what this transaction has written so far, by Postgres's own counters (`track_counts`, on by default). What a fold
 * does outside this Postgres nobody sees.
 *
 * @throws {HaltError} naming the tables that are not the fold's own
 */
export async function refuseSideEffectsInTransaction(tx: Tx, target: FoldTarget): Promise<void> {
  const rows = await tx`
    select schemaname, relname from pg_stat_xact_user_tables
    where n_tup_ins + n_tup_upd + n_tup_del > 0
  `;
  const own = new Set(target.projection.tables.map(({ name }) => target.table(name)));
  const foreign = rows.map((row) => [String(row.schemaname), String(row.relname)] as const)
    .filter(([schema, name]) => !own.has(`${schema}.${name}`) && !ownBooks.has(name))
    .map(([schema, name]) => `${schema}.${name}`);
  if (foreign.length === 0) return;
  throw new HaltError(
    `Cannot rebuild ${target.projection.name}: its fold writes to ${
      foreign.join(", ")
    }, which is no table of it, ` +
      "and a rebuild would write all of that a second time. Nothing of it was written now. Let the fold write its own " +
      "tables only (a flow, or a trigger on the live tables, is the place for the rest), or declare the table as one of them",
  );
}
