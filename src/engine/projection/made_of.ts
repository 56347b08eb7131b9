/** Notes what the live tables of a projection were made of, so that what others add to them later can be told from it. */
import { getLogger } from "../packages/logtape.ts";
import type { Queryable, Tx } from "../postgres/sql.ts";
import type { Projection } from "./define_projection.ts";
import { describeTablesInTransaction, type TablePiece } from "./describe_tables.ts";
import { makeTablesInTransaction } from "./staging.ts";

const log = getLogger(["onceflow", "projection"]);

/** Notes it beside the version. Call it after `last_rebuild` was set: a note of other tables than those counts for nothing. */
export async function noteMadeInTransaction(
  tx: Tx,
  name: string,
  pieces: readonly TablePiece[],
): Promise<void> {
  const made = JSON.stringify(pieces.map(({ identity }) => identity));
  await tx`
    update projections set made_of = ${made}::text::jsonb, made_by = coalesce(last_rebuild, '')
    where name = ${name}
  `;
}

/** The identities that were noted; undefined where nobody did, as before this was kept and by older programs. */
export async function findMade(
  sql: Queryable,
  name: string,
): Promise<ReadonlySet<string> | undefined> {
  const [row] = await sql`
    select made_of::text as made from projections
    where name = ${name} and made_by = coalesce(last_rebuild, '')
  `;
  if (typeof row?.made !== "string") return undefined;
  const made: unknown = JSON.parse(row.made);
  return Array.isArray(made) ? new Set(made.map(String)) : undefined;
}

/** Notes what the live tables must have been made of where that was never noted, by making them again in a corner. */
export async function noteAgainInTransaction(
  tx: Tx,
  projection: Pick<Projection, "name" | "tables">,
): Promise<void> {
  const schema = `${projection.name}_made_${crypto.randomUUID().slice(0, 8)}`;
  try {
    const pieces = await tx.savepoint(async (step) => {
      const made = await makeTablesInTransaction(step, schema, projection.tables);
      await step`drop schema ${step(schema)} cascade`;
      return made;
    });
    await noteMadeInTransaction(tx, projection.name, pieces);
  } catch (error) {
    // Whoever starts a role need not be allowed to make schemas: a rebuild does without the note.
    log.debug("Cannot note what the tables of {name} were made of: {error}", {
      name: projection.name,
      error,
    });
  }
}

/** Describes the live tables just after they were made, and notes it. */
export async function noteLiveInTransaction(
  tx: Tx,
  projection: Pick<Projection, "name" | "tables">,
): Promise<void> {
  const [row] = await tx`select current_schema() as schema`;
  const places = projection.tables.map(({ name }) => ({ schema: String(row?.schema), name }));
  await noteMadeInTransaction(tx, projection.name, await describeTablesInTransaction(tx, places));
}
