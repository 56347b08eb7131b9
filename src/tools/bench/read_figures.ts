/** Figures as they are read: by id, as rows, as text. Pure. */
import type { BenchReport, Figure } from "./report.ts";

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

/** A number with as many digits as are worth reading; a whole one has none after the point. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1_000 || Number.isInteger(value)) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** `+4.1 %`. */
export function formatChange(change: number): string {
  return `${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)} %`;
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

/** Figures by their labels and units. */
export interface Pivot {
  readonly units: readonly string[];
  readonly rows: readonly {
    readonly label: string;
    readonly cells: readonly (Figure | undefined)[];
  }[];
}

/** Figures as a table: a row for each label, a column for each unit. */
export function pivot(figures: readonly Figure[]): Pivot {
  const units = [...new Set(figures.map(({ unit }) => unit))];
  const byLabel = Map.groupBy(figures, ({ label }) => label);
  const rows = [...byLabel].map(([label, own]) => ({
    label,
    cells: units.map((unit) => own.find((one) => one.unit === unit)),
  }));
  return { units, rows };
}
