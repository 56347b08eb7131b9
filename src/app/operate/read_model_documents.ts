/** What operating on the read model tells, as JSON in snake_case. Pure. */
import { isSame } from "../../engine/projection/compare_tables.ts";
import type { Comparison, OldTables, RebuildReport } from "../../engine/projection/mod.ts";

/** Of a rebuild or a rollback. */
export function reportDocument(
  { replacedVersion, elapsedMs, old, dropped, ...rest }: RebuildReport,
): Record<string, unknown> {
  return {
    ...rest,
    replaced_version: replacedVersion,
    ...old && { old: oldTablesDocument(old) },
    ...dropped && { dropped: oldTablesDocument(dropped) },
    elapsed_ms: elapsedMs,
  };
}

/** Tables that are kept. */
export function oldTablesDocument({ keptAt, ...rest }: OldTables): Record<string, unknown> {
  return { ...rest, kept_at: keptAt };
}

/** How the new tables differ from the live ones. */
export function comparisonDocument(
  { tables, liveBehind }: Comparison,
): Record<string, unknown> {
  return {
    is_same: tables.every(isSame),
    live_behind: liveBehind,
    tables: tables.map((table) => ({
      table: table.table,
      rows_live: table.rowsLive,
      rows_new: table.rowsNew,
      changed: table.changed,
      only_live: table.onlyLive,
      only_new: table.onlyNew,
      columns_only_live: table.columnsOnlyLive,
      columns_only_new: table.columnsOnlyNew,
      rows: table.rows,
    })),
  };
}
