/** Puts the tables of one schema in the place of others, with all that was added to those. It touches no row and no position. */
import type { Tx } from "../postgres/sql.ts";
import {
  type Additions,
  additionsOf,
  keepAdditionsInTransaction,
  lossError,
  type Origin,
} from "./additions.ts";
import { describeTablesInTransaction, type TablePlace } from "./describe_tables.ts";
import { quoteName } from "./define_projection.ts";
import {
  dropSchemaInTransaction,
  moveTableInTransaction,
  refuseDependentsInTransaction,
} from "./put_away.ts";

/** Which tables take the place of which. */
export interface Exchange {
  /** For what is said to people. */
  readonly projection: string;
  readonly stagingSchema: string;
  /** The schema that is made for those that are replaced. */
  readonly oldSchema: string;
  readonly oldTables: readonly string[];
  readonly newTables: readonly string[];
  readonly origin: Origin;
}

/** What was exchanged. */
export interface Exchanged {
  /** What others had added to the old tables and the new ones have now, for people. */
  readonly kept: readonly string[];
  /** Those that are in the old schema now; where there are none, there is no such schema. */
  readonly putAway: readonly string[];
}

/**
 * Exchanges them, and gives the new ones what others had added to the old: owner, grants, policies, triggers, indexes,
 * comments, settings, publications. What depends on a live table makes this fail, and is named.
 *
 * @throws {HaltError} listing what would be lost
 */
export async function exchangeTablesInTransaction(
  tx: Tx,
  exchange: Exchange,
): Promise<Exchanged> {
  const { stagingSchema, oldSchema, newTables } = exchange;
  const home = await liveSchemaInTransaction(tx, [...exchange.oldTables, ...newTables]);
  const oldTables = await thoseThereInTransaction(tx, home, exchange.oldTables);
  for (const table of oldTables) {
    await tx`lock table ${tx(`${home}.${table}`)} in access exclusive mode`;
  }
  const stay = oldTables.filter((table) => newTables.includes(table));
  const additions = await additionsInTransaction(tx, home, stay, exchange.origin);
  if (additions.lost.length > 0) {
    throw lossError(exchange.projection, additions.lost.map(({ title }) => title));
  }
  const places = oldTables.map((table) => `${home}.${table}`);
  await refuseDependentsInTransaction(tx, exchange.projection, places);
  if (oldTables.length > 0) await tx`create schema ${tx(oldSchema)}`;
  for (const table of oldTables) await moveTableInTransaction(tx, table, home, oldSchema);
  for (const table of newTables) await moveTableInTransaction(tx, table, stagingSchema, home);
  await dropSchemaInTransaction(tx, exchange.projection, stagingSchema);
  await settleInTransaction(tx, exchange, home, stay, additions);
  return { kept: additions.kept.map(({ title }) => title), putAway: oldTables };
}

/** What was added to those of the live tables that stay, as things are now. */
export async function additionsInTransaction(
  tx: Tx,
  schema: string,
  tables: readonly string[],
  origin: Origin,
): Promise<Additions> {
  const live = await describeTablesInTransaction(tx, placesOf(schema, tables));
  const names = new Set(tables);
  const fresh = origin.fresh.filter(({ table }) => names.has(table));
  return additionsOf(live, { ...origin, fresh });
}

/** The schema that the live tables are in. */
export async function liveSchemaInTransaction(
  tx: Tx,
  tables: readonly string[],
): Promise<string> {
  const [home] = await tx`
    select coalesce(
      (select nspname from json_array_elements_text(${
    JSON.stringify(tables)
  }::text::json) as listed (name)
        join pg_class on pg_class.oid = to_regclass(name) join pg_namespace on pg_namespace.oid = relnamespace
        limit 1),
      current_schema()
    ) as schema
  `;
  return String(home?.schema);
}

/** One that somebody has dropped by hand is no reason to stop: the rebuild is what brings it back. */
async function thoseThereInTransaction(
  tx: Tx,
  schema: string,
  tables: readonly string[],
): Promise<readonly string[]> {
  const rows = await tx`
    select name from json_array_elements_text(${
    JSON.stringify(tables)
  }::text::json) as listed (name)
    where to_regclass(format('%I.%I', ${schema}::text, name)) is not null
  `;
  return rows.map((row) => String(row.name));
}

/** Makes what is to be kept, takes what nobody had, and looks whether all of it is there. */
async function settleInTransaction(
  tx: Tx,
  { projection, stagingSchema }: Exchange,
  home: string,
  tables: readonly string[],
  additions: Additions,
): Promise<void> {
  for (const { undo } of additions.taken) {
    const there = undo?.replaceAll(`${stagingSchema}.`, `${quoteName(home)}.`);
    if (there !== undefined) await tx.unsafe(there);
  }
  const before = await describeTablesInTransaction(tx, placesOf(home, tables));
  const present = new Set(before.map(({ identity }) => identity));
  const kept = additions.kept.filter(({ identity }) => !present.has(identity));
  await keepAdditionsInTransaction(tx, projection, { ...additions, kept });
  const after = await describeTablesInTransaction(tx, placesOf(home, tables));
  const found = new Set(after.map(({ identity }) => identity));
  const missing = additions.kept.filter(({ identity }) => !found.has(identity));
  if (missing.length > 0) throw lossError(projection, missing.map(({ title }) => title));
}

function placesOf(schema: string, tables: readonly string[]): TablePlace[] {
  return tables.map((name) => ({ schema, name }));
}
