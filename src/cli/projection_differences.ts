/** `projection rebuild --diff`: prints how the new tables differ from the live ones, and asks before they are exchanged. */
import { isSame } from "../engine/projection/compare_tables.ts";
import type { Comparison, RowDifference, TableDifference } from "../engine/projection/mod.ts";
import { FindingError } from "./exit_codes.ts";
import { jsonDocument } from "./json_document.ts";
import { print } from "./print.ts";
import { progress } from "./progress.ts";

/** The options that say what becomes of differences. */
export interface DiffArguments {
  readonly diff?: boolean;
  readonly yes?: boolean;
  readonly stopBeforeSwap?: boolean;
  readonly json?: boolean;
}

/** The rebuild was only to be compared: its tables are dropped, and nothing was exchanged. */
export class StoppedBeforeSwapError extends Error {
  override name = "StoppedBeforeSwapError";
}

/**
 * Told of the comparison before the swap; undefined where none was asked for.
 *
 * @throws {FindingError} when there are differences, and nobody has agreed to swap
 * @throws {StoppedBeforeSwapError} when there are none, and it was to stop
 */
export function beforeSwap(
  { diff, yes, stopBeforeSwap, json }: DiffArguments,
  confirm: (question: string) => boolean,
  stopShowing: () => void,
): ((comparison: Comparison) => void) | undefined {
  if (!diff && !stopBeforeSwap) return undefined;
  return (comparison) => {
    stopShowing();
    const isEqual = comparison.tables.every((table) => isSame(table));
    // With the report where there will be one, so that stdout is one document.
    if (!json) print(describeComparison(comparison));
    else if (stopBeforeSwap) print(jsonDocument({ comparison }));
    if (stopBeforeSwap) {
      if (isEqual) throw new StoppedBeforeSwapError("stopped before the swap: no differences");
      throw new FindingError("the new tables differ from the live ones");
    }
    if (isEqual || yes) return;
    if (confirm("Put the new tables in the place of the live ones?")) return;
    if (json) print(jsonDocument({ comparison }));
    progress("Nothing was exchanged: it was not confirmed. Add --yes to do it.");
    throw new FindingError("the new tables differ from the live ones");
  };
}

function describeComparison({ tables, liveBehind }: Comparison): string {
  const behind = liveBehind === 0 ? [] : [
    `! No projector has brought the live tables to where the new ones are: ${liveBehind} offsets. What is in those, ` +
    "differs.",
  ];
  return [...tables.flatMap(describeTable), ...behind].join("\n");
}

function describeTable(table: TableDifference): string[] {
  const { onlyLive, onlyNew, changed, rows, columnsOnlyLive, columnsOnlyNew } = table;
  const columns = [
    ...columnsOnlyLive.length === 0 ? [] : [`only live: ${columnsOnlyLive.join(", ")}`],
    ...columnsOnlyNew.length === 0 ? [] : [`only new: ${columnsOnlyNew.join(", ")}`],
  ];
  const all = onlyLive + onlyNew + changed;
  return [
    `${table.table}: ${table.rowsLive} rows live, ${table.rowsNew} new; ` +
    (all === 0
      ? "no row differs"
      : `${changed} changed, ${onlyLive} only live, ${onlyNew} only new`),
    ...columns.length === 0 ? [] : [`  columns ${columns.join("; ")} (not compared)`],
    ...rows.map(describeRow),
    ...rows.length === 0 || all <= rows.length ? [] : [`  and ${all - rows.length} more`],
  ];
}

function describeRow({ kind, key, columns }: RowDifference): string {
  const values = columns.map(({ column, live, new: now }) => {
    if (kind === "changed") return `${column} ${brief(live)} -> ${brief(now)}`;
    return `${column} ${brief(kind === "only live" ? live : now)}`;
  });
  return `  ${kind}${key === null ? "" : ` ${key}`}: ${values.join(", ")}`;
}

function brief(value: string | null): string {
  if (value === null) return "NULL";
  return value.length > 60 ? `${value.slice(0, 60)}…` : value;
}
