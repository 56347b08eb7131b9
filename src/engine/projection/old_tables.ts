/** The tables that the live ones have replaced, kept until they are dropped. It never puts them back. */
import { HaltError } from "../core/errors.ts";
import type { Queryable, Tx } from "../postgres/sql.ts";
import { quoteName } from "./define_projection.ts";
import { dependentsIn } from "./put_away.ts";

/** Tables that were live, and may be put back with `rollback`. */
export interface OldTables {
  /** The version that they hold. */
  readonly version: number;
  /** Since when they are not live any more: ISO 8601, UTC. */
  readonly keptAt: string;
  /** The schema that they are in, under their own names. */
  readonly schema: string;
  /** Their names. */
  readonly tables: readonly string[];
  /** What they and their indexes take on disk. */
  readonly bytes: number;
  /** Offsets of the topics that they have not folded; given where the ends of the topics are known. */
  readonly behind?: number;
}

/** The same, with what tells them from those that another rebuild has kept. */
export interface KeptTables extends OldTables {
  readonly id: string;
}

/** The schema of the tables that are kept. */
export function keptSchema(projection: string, id: string): string {
  return `${projection}_kept_${id}`;
}

/** What their positions and processed events stand under. No projection can be called so. */
export function keptLabel(projection: string, id: string): string {
  return `${projection}#${id}`;
}

/** Those that are kept; undefined where there are none. */
export async function findOldTables(
  sql: Queryable,
  projection: string,
): Promise<KeptTables | undefined> {
  const [row] = await sql`
    select kept_id as id, kept_version as version, kept_at as "keptAt", kept_tables as tables, (
      select coalesce(sum(pg_total_relation_size(c.oid)), 0)
      from pg_class c join pg_namespace n on n.oid = relnamespace
      where nspname = name || '_kept_' || kept_id and relkind in ('r', 'p')
    )::bigint as bytes
    from projections where name = ${projection} and kept_id is not null
  `;
  if (row === undefined) return undefined;
  return {
    id: String(row.id),
    version: Number(row.version),
    keptAt: row.keptAt instanceof Date ? row.keptAt.toISOString() : String(row.keptAt),
    schema: keptSchema(projection, String(row.id)),
    tables: row.tables,
    bytes: Number(row.bytes),
  };
}

/** Without what is nobody's business but the rollback's. */
export function oldTablesOf({ id: _, ...tables }: KeptTables): OldTables {
  return tables;
}

/**
 * Drops the tables that are kept, with positions and processed events, and says which they were. One that somebody has
 * dropped by hand is no reason to stop.
 *
 * @throws {HaltError} naming what depends on them: dropping never cascades
 */
export async function dropOldTablesInTransaction(
  tx: Tx,
  projection: string,
): Promise<OldTables | undefined> {
  await tx`select from projections where name = ${projection} for update`;
  const kept = await findOldTables(tx, projection);
  if (kept === undefined) return undefined;
  const { id, schema, tables } = kept;
  try {
    await tx.savepoint(async (step) => {
      await step`set local client_min_messages = warning`;
      const listed = tables.map((table) => quoteName(`${schema}.${table}`)).join(", ");
      if (tables.length > 0) await step.unsafe(`drop table if exists ${listed}`);
      await step`drop schema if exists ${step(schema)}`;
    });
  } catch (error) {
    const dependents = dependentsIn(error);
    if (dependents === undefined) throw error;
    throw new HaltError(
      `Cannot drop the old tables of ${projection}, which the last rebuild has kept in the schema ${schema}: other ` +
        `objects depend on them, or are in that schema:\n${
          dependents.map((line) => `  - ${line}`).join("\n")
        }\nNothing was changed. Take these away, then run this again`,
    );
  }
  const label = keptLabel(projection, id);
  await tx`delete from projection_positions where projection = ${label}`;
  await tx`delete from processed_events where projection = ${label}`;
  await tx`
    update projections set kept_id = null, kept_version = null, kept_tables = null, kept_at = null,
      kept_built_at = null, kept_made_of = null
    where name = ${projection}
  `;
  return oldTablesOf(kept);
}
