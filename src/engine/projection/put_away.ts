/** Moves tables into another schema with all that is theirs, after it has asked whether others depend on them. */
import type { Tx } from "../postgres/sql.ts";
import { lossError } from "./additions.ts";
import { quoteName } from "./define_projection.ts";

/**
 * Refuses where anything depends on these tables: a view would go on showing the old rows, and nobody would say so. What
 * depends on them Postgres knows best: they are dropped, and the drop is taken back.
 *
 * @throws {HaltError} listing what depends on them
 */
export async function refuseDependentsInTransaction(
  tx: Tx,
  projection: string,
  tables: readonly string[],
): Promise<void> {
  if (tables.length === 0) return;
  const takenBack = new Error("taken back");
  try {
    await tx.savepoint(async (step) => {
      // In one statement: what one of them has of the other holds up neither.
      await step.unsafe(`drop table ${tables.map(quoteName).join(", ")}`);
      throw takenBack;
    });
  } catch (error) {
    if (error === takenBack) return;
    const dependents = dependentsIn(error);
    throw dependents === undefined ? error : lossError(projection, dependents);
  }
}

/**
 * Drops a schema whose tables have all been moved away.
 *
 * @throws {HaltError} listing what somebody has put there
 */
export async function dropSchemaInTransaction(
  tx: Tx,
  projection: string,
  schema: string,
): Promise<void> {
  try {
    await tx.savepoint((step) => step`drop schema ${step(schema)}`);
  } catch (error) {
    const dependents = dependentsIn(error);
    throw dependents === undefined ? error : lossError(projection, dependents);
  }
}

/** What Postgres names that depends on something to be dropped; undefined for another error. */
export function dependentsIn(error: unknown): readonly string[] | undefined {
  const { code, detail } = error as { readonly code?: string; readonly detail?: string };
  return code === "2BP01" ? (detail ?? "").split("\n") : undefined; // dependent_objects_still_exist
}

/**
 * Moves a table. Indexes, constraints, triggers, policies and grants stay with it by themselves; extended statistics are
 * moved along, and it leaves its publications, which would publish two tables of one name.
 */
export async function moveTableInTransaction(
  tx: Tx,
  table: string,
  from: string,
  to: string,
): Promise<void> {
  const place = `${from}.${table}`;
  const statistics = await tx`
    select stxname as name from pg_statistic_ext s join pg_namespace n on n.oid = stxnamespace
    where stxrelid = ${quoteName(place)}::regclass and nspname = ${from}
  `;
  const publications = await tx`
    select pubname as name from pg_publication_rel join pg_publication p on p.oid = prpubid
    where prrelid = ${quoteName(place)}::regclass
  `;
  for (const { name } of publications) {
    await tx.unsafe(
      `alter publication ${asName(String(name))} drop table ${quoteName(place)}`,
    );
  }
  for (const { name } of statistics) {
    await tx.unsafe(
      `alter statistics ${quoteName(from)}.${asName(String(name))} set schema ${quoteName(to)}`,
    );
  }
  await tx`alter table ${tx(place)} set schema ${tx(to)}`;
}

/** One identifier, with whatever dots it has. */
function asName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
