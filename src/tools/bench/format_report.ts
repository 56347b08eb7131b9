/** The report as tables for a terminal. Pure. */
import Table from "cli-table3";
import type { BenchReport, Figure, Section } from "./report.ts";

/** Every part with its figures; with the change against an earlier report where there is one. */
export function formatReport(report: BenchReport, earlier?: BenchReport): string {
  const before = earlier && figuresById(earlier);
  const parts = report.sections.map((section) => formatSection(section, before));
  const warning = earlier && sizeWarning(report, earlier);
  return (warning ? [warning, ...parts] : parts).join("\n\n");
}

/** What a comparison of runs of two sizes is worth; undefined where they are of one. */
export function sizeWarning(report: BenchReport, earlier: BenchReport): string | undefined {
  if (report.size === earlier.size) return undefined;
  return `The earlier run was of ${earlier.size} size and this one is of ${report.size} size: figures differ for that ` +
    `alone, since short parts show how processes start as much as how fast they are.`;
}

/** All figures of a report by their id. */
export function figuresById(report: BenchReport): ReadonlyMap<string, Figure> {
  return new Map(report.sections.flatMap(({ figures }) => figures.map((one) => [one.id, one])));
}

/** By how much a median has changed, as a fraction; undefined where there is nothing to compare with. */
export function changeOf(now: Figure, before: Figure | undefined): number | undefined {
  return before && before.spread.median !== 0
    ? now.spread.median / before.spread.median - 1
    : undefined;
}

/** A number with as many digits as are worth reading. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** `+4.1 %`. */
export function formatChange(change: number): string {
  return `${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)} %`;
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

/** ` ±4%`: half of the range over the rounds, where there was more than one. */
export function spreadOfText({ spread: { values, low, high, median } }: Figure): string {
  if (values.length < 2 || median === 0) return "";
  return ` ±${Math.round((high - low) / 2 / median * 100)}%`;
}

/** `≤ 25.0`. */
export function targetText({ better, target = 0 }: Figure): string {
  return `${better === "higher" ? "≥" : "≤"} ${formatNumber(target)}`;
}

/** Figures as a table: a row for each label, a column for each unit. */
export function pivot(figures: readonly Figure[]): {
  readonly units: readonly string[];
  readonly rows: readonly {
    readonly label: string;
    readonly cells: readonly (Figure | undefined)[];
  }[];
} {
  const units = [...new Set(figures.map(({ unit }) => unit))];
  const byLabel = Map.groupBy(figures, ({ label }) => label);
  const rows = [...byLabel].map(([label, own]) => ({
    label,
    cells: units.map((unit) => own.find((one) => one.unit === unit)),
  }));
  return { units, rows };
}
