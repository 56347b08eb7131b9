/** Writes down which tables are live and which are kept, in the transaction that exchanges them. It moves no table. */
import type { Tx } from "../postgres/sql.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { noteMadeInTransaction } from "./made_of.ts";
import { keptLabel } from "./old_tables.ts";
import type { Staging } from "./staging.ts";

/** Positions and processed events go with their tables; where no table is kept, those of the old ones are forgotten. */
export async function noteSwapInTransaction(
  tx: Tx,
  { target: { projection, label }, fresh, old }: Staging<ProjectionEvent>,
  kept: { readonly id: string; readonly tables: readonly string[] },
): Promise<void> {
  const { name, version } = projection;
  const isKept = kept.tables.length > 0;
  if (isKept) await renameInTransaction(tx, name, keptLabel(name, kept.id));
  else await forgetInTransaction(tx, name);
  await renameInTransaction(tx, label, name);
  const live = JSON.stringify(projection.tables.map((table) => table.name));
  const away = JSON.stringify(kept.tables);
  // What stands on the right of a "=" is what was there before.
  await tx`
    update projections set version = ${version}, last_rebuild = ${label}, made_by = ${label},
      rebuilt_at = case when ${old !== undefined}::boolean then kept_built_at else now() end,
      made_of = case when ${old !== undefined}::boolean then kept_made_of end,
      tables = array(select json_array_elements_text(${live}::text::json)),
      kept_id = case when ${isKept}::boolean then ${kept.id} end,
      kept_version = case when ${isKept}::boolean then version end,
      kept_tables = case when ${isKept}::boolean then array(select json_array_elements_text(${away}::text::json)) end,
      kept_at = case when ${isKept}::boolean then now() end,
      kept_built_at = case when ${isKept}::boolean then rebuilt_at end,
      kept_made_of = case when ${isKept}::boolean and made_by = coalesce(last_rebuild, '') then made_of end
    where name = ${name}
  `;
  if (old === undefined) await noteMadeInTransaction(tx, name, fresh);
}

async function renameInTransaction(tx: Tx, from: string, to: string): Promise<void> {
  await tx`update projection_positions set projection = ${to} where projection = ${from}`;
  await tx`update processed_events set projection = ${to} where projection = ${from}`;
}

async function forgetInTransaction(tx: Tx, name: string): Promise<void> {
  await tx`delete from projection_positions where projection = ${name}`;
  await tx`delete from processed_events where projection = ${name}`;
}
