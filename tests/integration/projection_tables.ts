/** The read model's tables as text, for comparing them. */
import type { Sql } from "../../src/engine/postgres/sql.ts";

/** Every row of both tables, all columns, in the order of their keys. */
export async function dumpViews(sql: Sql): Promise<readonly string[]> {
  const rows = await sql`
    select 'order ' || to_jsonb(view)::text as line from order_view as view
    union all
    select 'total ' || to_jsonb(totals)::text from customer_totals as totals
    order by line
  `;
  return rows.map((row) => String(row.line));
}

/** Empties them and forgets the positions. */
export async function clearViews(sql: Sql): Promise<void> {
  await sql`truncate order_view, customer_totals, projection_positions, processed_events`;
}
