/** Says everything that Postgres knows of tables beside their rows, piece by piece, and how to make each piece again. */
import type { Tx } from "../postgres/sql.ts";
import { tablePiecesSql } from "./table_pieces_sql.ts";

/** One thing about a table: a column, an index, a policy, a grant. */
export interface TablePiece {
  /** Pieces are made in the order of their ranks: what stands on another one comes after it. */
  readonly rank: number;
  readonly table: string;
  /** `policy`, `index`, `grant`, ... */
  readonly kind: string;
  /** For people: `policy own_rows of order_view`. */
  readonly title: string;
  /** Equal for two tables that have the same piece, whatever schema they are in. */
  readonly identity: string;
  /** Makes it for the table that it was found on; null for what no statement can make again. */
  readonly statement: string | null;
  /** Takes it away; null for what is never taken away. */
  readonly undo: string | null;
}

/** A table, with its schema. */
export interface TablePlace {
  readonly schema: string;
  readonly name: string;
}

/**
 * The pieces of these tables, in the order in which they can be recreated. Tables that are not there have none.
 *
 * Names are read with an empty search path, so that all of them come with their schema.
 */
export async function describeTablesInTransaction(
  tx: Tx,
  places: readonly TablePlace[],
): Promise<readonly TablePiece[]> {
  const [before] = await tx`
    select current_setting('search_path') as path, current_setting('server_version_num')::int as version
  `;
  await tx`select set_config('search_path', '', true)`;
  const pieces: TablePiece[] = [];
  const names: [qualified: string, name: string][] = [];
  for (const { schema, name } of places) {
    const [row] = await tx`select format('%I.%I', ${schema}::text, ${name}::text) as qualified`;
    names.push([String(row?.qualified), name]);
  }
  // A name that begins with another one comes first.
  names.sort(([one], [other]) => other.length - one.length);
  const neutral = (text: string) =>
    names.reduce((found, [qualified, name]) => found.replaceAll(qualified, `@${name}`), text);
  const sql = tablePiecesSql(Number(before?.version));
  const together = JSON.stringify(places.map(({ name }) => name));
  for (const { schema, name } of places) {
    const rows = await tx.unsafe(sql, [schema, name, together]);
    for (const row of rows) {
      const { kind, label, text } = row;
      pieces.push({
        rank: Number(row.rank),
        table: name,
        kind: String(kind),
        title: `${kind}${label ? ` ${label}` : ""} of ${name}`,
        identity: JSON.stringify([name, kind, neutral(String(label)), neutral(String(text))]),
        statement: row.statement === null ? null : String(row.statement),
        undo: row.undo === null ? null : String(row.undo),
      });
    }
  }
  await tx`select set_config('search_path', ${String(before?.path)}, true)`;
  return pieces.sort((one, other) => one.rank - other.rank);
}
