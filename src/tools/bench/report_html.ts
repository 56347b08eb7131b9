/** The report as one self-contained page: its styles, its data and the plotting library are within it. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chartHtml } from "./bars_html.ts";
import { chartOf } from "./charts.ts";
import { figureTable, targetTable } from "./figure_tables.ts";
import { sizeWarning } from "./format_report.ts";
import { figuresById } from "./read_figures.ts";
import type { BenchReport, Figure, Section } from "./report.ts";
import { busyWarning, storyOf } from "./story.ts";
import { escaped } from "./escaped.ts";

const pageFile = (name: string) =>
  Deno.readTextFileSync(fileURLToPath(new URL(`./page/${name}`, import.meta.url)));

/** The page. Reads the library and the page's own script and style from the checkout. */
export function reportHtml(report: BenchReport, earlier?: BenchReport): string {
  const before = earlier && figuresById(earlier);
  const date = report.started_at.slice(0, 16).replace("T", " ");
  const links = report.sections.map(({ name, title }) =>
    `<a href="#${name}">${escaped(title)}</a>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>onceflow: what exactly-once gives and costs, ${date} UTC</title>
<style>${library("uPlot.min.css")}</style>
<style>${pageFile("report.css")}</style>
</head>
<body>
<header>
<h1>What exactly-once gives, and what it costs</h1>
<p>A worker reads orders from Kafka and writes an invoice for each. When it dies between the two, the
next one does some orders again (<b class="at-least-once">at-least-once</b>), leaves some out
(<b class="at-most-once">at-most-once</b>), or goes on exactly where the dead one stopped
(<b class="exactly-once">exactly-once</b>: invoice and position are one transaction). All of them ran
here, on one broker.</p>
</header>
<main>
${storyHtml(report)}
<nav>${links.join("")}<a href="#targets">Targets</a><a href="#environment">Machine</a></nav>
${earlier ? comparisonHtml(report, earlier) : ""}
<div class="parts">
${report.sections.map((section) => sectionHtml(section, before)).join("\n")}
</div>
${targetTable(report)}
${environmentHtml(report, date)}
</main>
<script type="application/json" id="report">${
    JSON.stringify(report.sections.map(({ name, plots }) => ({ name, plots })))
      .replaceAll("<", "\\u003c")
  }</script>
<script>${library("uPlot.iife.min.js").replaceAll("</script", "<\\/script")}</script>
<script>${pageFile("report.js")}</script>
</body>
</html>
`;
}

function storyHtml(report: BenchReport): string {
  const { sentences, charts } = storyOf(report);
  if (sentences.length + charts.length === 0) return "";
  const busy = busyWarning(report);
  const short = report.size === "quick"
    ? `<p class="soft">A quick run: short parts show how processes start as much as how fast they are. <code>deno task bench</code> takes its time.</p>`
    : "";
  return `<section id="story">
${busy === undefined ? "" : `<p><strong>${escaped(busy)}</strong></p>`}
<div class="picture">${charts.map(chartHtml).join("")}</div>
${
    sentences.length > 0
      ? `<ul class="sentences">${sentences.map((one) => `<li>${escaped(one)}</li>`).join("")}</ul>`
      : ""
  }
${short}</section>`;
}

function comparisonHtml(report: BenchReport, earlier: BenchReport): string {
  return `<p>Changes in the tables are against the run of ${
    escaped(earlier.started_at.slice(0, 16).replace("T", " "))
  } UTC. ${sizeWarning(report, earlier) ?? ""}</p>`;
}

function sectionHtml(
  section: Section,
  before: ReadonlyMap<string, Figure> | undefined,
): string {
  const { name, title, about, command, figures, plots, notes, seconds } = section;
  const chart = chartOf(section);
  const table = figures.length > 0 ? figureTable(figures, before) : "";
  const pictures = [
    ...(chart ? [chartHtml(chart)] : []),
    ...plots.map((_, index) =>
      `<div class="curves" data-section="${name}" data-plot="${index}"></div>`
    ),
  ];
  const how = `<p>${escaped(about)}</p>`;
  const again = `<p class="soft"><code>${escaped(command)}</code>, ${Math.round(seconds)} s</p>`;
  return `<section id="${name}"${pictures.length > 1 ? ' class="broad"' : ""}>
<h2>${escaped(title)}</h2>
${
    pictures.length > 0
      ? `<div class="plots">${pictures.join("")}</div>
<details><summary>How it was measured, and all figures</summary>${how}${table}${again}</details>`
      : how + table + again
  }
${notes.length > 0 ? `<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join("")}</ul>` : ""}
</section>`;
}

function environmentHtml({ size, seconds, command, environment }: BenchReport, date: string) {
  const rows = [
    ["command", command],
    ["began", `${date} UTC`],
    ["took", `${Math.round(seconds)} s, ${size} size`],
    ...Object.entries(environment),
  ];
  return `<section id="environment"><h2>The machine, and how to run this again</h2><table class="plain">${
    rows.map(([name = "", value = ""]) =>
      `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`
    ).join("")
  }</table></section>`;
}

function library(file: string): string {
  return Deno.readTextFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${file}`));
}
