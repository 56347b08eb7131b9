/** The report's figures as tables of its page: all of a part, and those that have a target. Pure. */
import { escaped } from "./escaped.ts";
import { changeOf, formatChange, formatNumber, pivot, targetText } from "./read_figures.ts";
import type { BenchReport, Figure } from "./report.ts";

/** A row for each label, a column for each unit; with the change against an earlier run where there is one. */
export function figureTable(
  figures: readonly Figure[],
  before: ReadonlyMap<string, Figure> | undefined,
): string {
  const { units, rows } = pivot(figures);
  const cell = (one: Figure | undefined) => {
    if (!one) return '<td class="none"></td>';
    const { spread: { low, high, median, values } } = one;
    const change = changeOf(one, before?.get(one.id));
    const range = values.length > 1
      ? `<small>${formatNumber(low)} to ${formatNumber(high)}</small>`
      : "";
    const moved = change === undefined ? "" : `<small>${formatChange(change)}</small>`;
    return `<td class="n" data-unit="${escaped(one.unit)}"><b>${
      formatNumber(median)
    }</b>${range}${moved}</td>`;
  };
  return `<div class="wide" tabindex="0"><table class="figures"><thead><tr><td></td>${
    units.map((unit) => `<th class="n">${escaped(unit)}</th>`).join("")
  }</tr></thead><tbody>${
    rows.map(({ label, cells }) => `<tr><td>${escaped(label)}</td>${cells.map(cell).join("")}</tr>`)
      .join("")
  }</tbody></table></div>`;
}

/** What the project has set itself, and what this run reached; empty where no part with a target was run. */
export function targetTable({ sections }: BenchReport): string {
  const rows = sections.flatMap(({ title, figures }) =>
    figures.filter(({ target }) => target !== undefined).map((one) =>
      `<tr><td>${escaped(title)}: ${escaped(one.label)}</td><td class="n">${
        formatNumber(one.spread.median)
      } ${escaped(one.unit)}</td><td class="n">${targetText(one)}</td><td class="${
        one.met ? "met" : "missed"
      }">${one.met ? "reached" : "not reached"}</td></tr>`
    )
  );
  if (rows.length === 0) return "";
  return `<section id="targets"><h2>Targets</h2>
<p>What this project asks of itself, in a run of default size on two cores that do nothing else.</p>
<div class="wide" tabindex="0"><table class="targets"><thead><tr><th>figure</th><th class="n">this run</th><th class="n">target</th><th>outcome</th></tr></thead><tbody>${
    rows.join("")
  }</tbody></table></div></section>`;
}
