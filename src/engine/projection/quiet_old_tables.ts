/** Takes off old tables what would act on their rows as it did when the live tables got them. It touches no live table. */
import type { Sql } from "../postgres/sql.ts";
import { describeTablesInTransaction } from "./describe_tables.ts";
import { liveSchemaInTransaction } from "./exchange_tables.ts";
import { findMade } from "./made_of.ts";
import type { KeptTables } from "./old_tables.ts";

/** What acts on writes. */
const acting = new Set(["trigger", "rule"]);

/**
 * A rollback folds into the old tables what came while they were away, and the triggers that others have put on the live
 * tables have fired for all of that. The exchange makes them on the tables that come back, as everything that others have
 * added to the live ones; those of the projection's own statements stay. `own` are the identities of what those made.
 */
export async function quietOldTables(
  sql: Sql,
  projection: string,
  { schema, tables }: KeptTables,
  own: ReadonlySet<string> | undefined,
): Promise<void> {
  await sql.begin(async (tx) => {
    const placesIn = (schema: string) => tables.map((name) => ({ schema, name }));
    const home = await liveSchemaInTransaction(tx, tables);
    const live = await describeTablesInTransaction(tx, placesIn(home));
    const made = await findMade(tx, projection);
    const added = new Set(
      live.map(({ identity }) => identity).filter((identity) => made && !made.has(identity)),
    );
    for (
      const { kind, identity, undo } of await describeTablesInTransaction(tx, placesIn(schema))
    ) {
      const isOthers = own ? !own.has(identity) : added.has(identity);
      if (acting.has(kind) && isOthers && undo !== null) await tx.unsafe(undo);
    }
  });
}
