/** The report as one self-contained page: its styles, its data and the plotting library are within it. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import {
  changeOf,
  figuresById,
  formatChange,
  formatNumber,
  pivot,
  sizeWarning,
  targetText,
} from "./format_report.ts";
import type { BenchReport, Figure, Section } from "./report.ts";

const pageFile = (name: string) =>
  Deno.readTextFileSync(fileURLToPath(new URL(`./page/${name}`, import.meta.url)));

/** The page. Reads the library and the page's own script and style from the checkout. */
export function reportHtml(report: BenchReport, earlier?: BenchReport): string {
  const before = earlier && figuresById(earlier);
  const date = report.started_at.slice(0, 16).replace("T", " ");
  const sections = report.sections.map((section) => sectionHtml(section, before)).join("\n");
  const links = report.sections.map(({ name, title }) => `<a href="#${name}">${escaped(title)}</a>`)
    .join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>onceflow bench, ${date} UTC</title>
<style>${library("uPlot.min.css")}</style>
<style>${pageFile("report.css")}</style>
</head>
<body>
<header>
<h1>onceflow bench</h1>
<p>${date} UTC, ${report.size} size, ${Math.round(report.seconds)} s. <code>${
    escaped(report.command)
  }</code>${
    earlier
      ? ` Changes are against the run of ${escaped(earlier.started_at.slice(0, 16))}. ${
        sizeWarning(report, earlier) ?? ""
      }`
      : ""
  }</p>
${headline(report)}
<nav>${links}</nav>
</header>
<main>
${sections}
<section id="environment"><h2>Environment</h2><table class="plain">${
    Object.entries(report.environment).map(([name, value]) =>
      `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`
    ).join("")
  }</table></section>
</main>
<script type="application/json" id="report">${
    JSON.stringify(report.sections).replaceAll("<", "\\u003c")
  }</script>
<script>${library("uPlot.iife.min.js").replaceAll("</script", "<\\/script")}</script>
<script>${pageFile("report.js")}</script>
</body>
</html>
`;
}

function headline(report: BenchReport): string {
  const wanted = report.sections.flatMap(({ title, figures }) =>
    figures.filter(({ target }) => target !== undefined).map((one) => ({ title, ...one }))
  );
  if (wanted.length === 0) return "";
  const tiles = wanted.map(({ title, label, unit, spread, target, met, better }) =>
    `<li class="${met ? "met" : "missed"}"><b>${formatNumber(spread.median)} <small>${
      escaped(unit)
    }</small></b><span>${escaped(title)}: ${escaped(label)}</span><em>${met ? "met" : "missed"}: ${
      better === "higher" ? "at least" : "at most"
    } ${formatNumber(target ?? 0)}</em></li>`
  );
  return `<ul class="tiles">${tiles.join("")}</ul>`;
}

function sectionHtml(
  { name, title, about, command, figures, plots, notes, seconds }: Section,
  before: ReadonlyMap<string, Figure> | undefined,
): string {
  return `<section id="${name}">
<h2>${escaped(title)}</h2>
<p>${escaped(about)}</p>
<div class="plots" data-section="${name}" data-plots="${plots.length}"></div>
${figures.length > 0 ? figureTable(figures, before) : ""}
${notes.length > 0 ? `<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join("")}</ul>` : ""}
<p class="again"><code>${escaped(command)}</code> ${Math.round(seconds)} s</p>
</section>`;
}

function figureTable(
  figures: readonly Figure[],
  before: ReadonlyMap<string, Figure> | undefined,
): string {
  const { units, rows } = pivot(figures);
  const cell = (one: Figure | undefined) => {
    if (!one) return "<td></td>";
    const { spread: { low, high, median, values }, target, met } = one;
    const change = changeOf(one, before?.get(one.id));
    const range = values.length > 1
      ? `<small>${formatNumber(low)} to ${formatNumber(high)}</small>`
      : "";
    const goal = target === undefined
      ? ""
      : `<small class="${met ? "met" : "missed"}">${targetText(one)} ${
        met ? "met" : "missed"
      }</small>`;
    const moved = change === undefined ? "" : `<small>${formatChange(change)}</small>`;
    return `<td class="n"><b>${formatNumber(median)}</b>${range}${goal}${moved}</td>`;
  };
  return `<div class="wide"><table><thead><tr><th></th>${
    units.map((unit) => `<th class="n">${escaped(unit)}</th>`).join("")
  }</tr></thead><tbody>${
    rows.map(({ label, cells }) => `<tr><td>${escaped(label)}</td>${cells.map(cell).join("")}</tr>`)
      .join("")
  }</tbody></table></div>`;
}

function library(file: string): string {
  return Deno.readTextFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${file}`));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
