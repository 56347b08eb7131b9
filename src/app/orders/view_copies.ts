/** Where the read model's tables stand beside the live ones. It reads Postgres' catalogue only. */
import type { Queryable } from "../../engine/postgres/sql.ts";

/** The schemas that a rebuild folds into, or has left, and those of the tables that it has replaced and kept. */
export async function viewCopies(sql: Queryable, projection: string): Promise<readonly string[]> {
  const rows = await sql<{ nspname: string }[]>`
    select n.nspname from pg_namespace n join pg_class c on c.relnamespace = n.oid and c.relname = 'order_view'
    where n.nspname ~ ${`^${projection}_(rebuild|kept)_[0-9a-f]{8}$`} order by n.nspname
  `;
  return rows.map(({ nspname }) => nspname);
}
