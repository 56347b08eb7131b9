/** The report as tables for a terminal. Pure. */
import Table from "cli-table3";
import {
  changeOf,
  figuresById,
  formatChange,
  formatNumber,
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
  const ends = [story, busyWarning(report)].filter((text) => text);
  return [...(warning ? [warning] : []), ...parts, ...ends].join("\n\n");
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
  const { units, rows } = pivot(figures);
  const table = new Table({
    head: ["", ...units],
    colAligns: ["left", ...units.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const { label, cells } of rows) {
    table.push([label, ...cells.map((one) => one ? cellOf(one, before?.get(one.id)) : "")]);
  }
  const lines = [title, ...(figures.length > 0 ? [table.toString()] : []), ...notes];
  return [...lines, `again: ${command}`].join("\n");
}

function cellOf(one: Figure, before: Figure | undefined): string {
  const change = changeOf(one, before);
  return [
    formatNumber(one.spread.median) + spreadOfText(one),
    ...(change === undefined ? [] : [formatChange(change)]),
    ...(one.target === undefined ? [] : [`${one.met ? "met" : "MISSED"} ${targetText(one)}`]),
  ].join(", ");
}
