/** The report as tables for a terminal. Pure. */
import Table from "cli-table3";
import { columns, columnsOf, wrapped } from "../../engine/dead_letters/fit_columns.ts";
import {
  changeOf,
  figuresById,
  formatChange,
  formatNumber,
  type Pivot,
  pivot,
  spreadOfText,
  targetText,
} from "./read_figures.ts";
import type { BenchReport, Figure, Section } from "./report.ts";
import { busyWarning, storyOf } from "./story.ts";

/** Every part with its figures, the change against an earlier report where there is one, and what it comes to. */
export function formatReport(report: BenchReport, earlier?: BenchReport): string {
  const before = earlier && figuresById(earlier);
  const parts = report.sections.map((section) => formatSection(section, before));
  const warning = earlier && sizeWarning(report, earlier);
  const story = storyOf(report).sentences.join("\n");
  const ends = [story, busyWarning(report) ?? ""].filter(Boolean).map((text) => wrapped(text));
  return [...(warning ? [wrapped(warning)] : []), ...parts, ...ends].join("\n\n");
}

/** What a comparison of runs of two sizes is worth; undefined where they are of one. */
export function sizeWarning(report: BenchReport, earlier: BenchReport): string | undefined {
  if (report.size === earlier.size) return undefined;
  return `The earlier run was of ${earlier.size} size and this one is of ${report.size} size: figures differ for that ` +
    `alone, since short parts show how processes start as much as how fast they are.`;
}

function formatSection(
  { title, figures, notes, command }: Section,
  before: ReadonlyMap<string, Figure> | undefined,
): string {
  const lines = [title, ...(figures.length > 0 ? tablesOf(pivot(figures), before) : []), ...notes];
  return wrapped([...lines, `again: ${command}`].join("\n"));
}

/** One table, or several with some of the columns each where one would not fit; rows without a figure are left out. */
function tablesOf(
  { units, rows }: Pivot,
  before: ReadonlyMap<string, Figure> | undefined,
): readonly string[] {
  const tableOf = (from: number, to: number): string => {
    const table = new Table({
      head: ["", ...units.slice(from, to)],
      colAligns: ["left", ...units.slice(from, to).map(() => "right" as const)],
      style: { head: [], border: [], compact: true },
    });
    for (const { label, cells } of rows) {
      const shown = cells.slice(from, to);
      if (!shown.some(Boolean)) continue;
      table.push([label, ...shown.map((one) => one ? cellOf(one, before?.get(one.id)) : "")]);
    }
    return table.toString();
  };
  const tables: string[] = [];
  for (let from = 0, to = 1; from < units.length; from = to) {
    for (to = from + 1; to < units.length && fits(tableOf(from, to + 1)); to++);
    tables.push(tableOf(from, to));
  }
  return tables;
}

function fits(table: string): boolean {
  return table.split("\n").every((line) => columnsOf(line) <= columns);
}

function cellOf(one: Figure, before: Figure | undefined): string {
  const change = changeOf(one, before);
  return [
    formatNumber(one.spread.median) + spreadOfText(one),
    ...(change === undefined ? [] : [formatChange(change)]),
    ...(one.target === undefined ? [] : [`${one.met ? "met" : "MISSED"} ${targetText(one)}`]),
  ].join(", ");
}
