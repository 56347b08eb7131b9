/** Draws the last hour as the server has it, which outlives a reload of the page. */
import { byId, make, setRows, setText } from "./dom.js";
import { formatCount, formatRate, formatSeconds, formatTime } from "./format.js";

/** @typedef {import("../past_data.ts").HistoryPoint} Point */
/** @typedef {{ at: number, value: number | null }} Value */

/** @type {readonly { title: string, format: (value: number) => string, of: (points: readonly Point[]) => Value[] }[]} */
const charts = [
  { title: "Orders", format: formatRate, of: rates((counts) => counts.placed) },
  { title: "Invoices", format: formatRate, of: rates((counts) => counts.invoiced) },
  { title: "Dead letters", format: formatRate, of: rates((counts) => counts.dead_lettered) },
  {
    title: "Records that wait for a worker",
    format: formatCount,
    of: pointValues("worker_records"),
  },
  {
    title: "Oldest row in the outbox",
    format: formatSeconds,
    of: pointValues("outbox_oldest_seconds"),
  },
  { title: "95 % invoiced within", format: formatSeconds, of: pointValues("p95_seconds") },
];

/** @param {import("../past_data.ts").DashboardHistory} history */
export function showHour({ since, every_seconds, keeps_seconds, points }) {
  const end = Date.parse(points.at(-1)?.at ?? "");
  const begin = end - keeps_seconds * 1_000;
  setText(byId("hour-since"), sinceText(since, begin, every_seconds));
  if (points.length < 2) return;
  const gapMs = every_seconds * 3_000;
  const drawn = charts.map(({ title, format, of }) => {
    const values = of(points);
    return { title, text: summary(values, format), path: pathOf(values, begin, end, gapMs) };
  });
  setRows(byId("hour"), drawn, chartItem);
  setText(byId("hour-begin"), formatTime(new Date(begin).toISOString()));
  setText(byId("hour-end"), formatTime(new Date(end).toISOString()));
}

/**
 * @param {string | null} since
 * @param {number} begin
 * @param {number} everySeconds
 */
function sinceText(since, begin, everySeconds) {
  if (since === null) return "it begins now";
  const isWhole = Date.parse(since) < begin + everySeconds * 2_000;
  return isWhole
    ? `every ${everySeconds} s`
    : `known since ${formatTime(since)}, when it began to be kept`;
}

/**
 * Rates between counts: where the tables are large they are counted more seldom than points are noted.
 * @param {(counts: NonNullable<Point["counts"]>) => number} pick
 * @returns {(points: readonly Point[]) => Value[]}
 */
function rates(pick) {
  return (points) => {
    /** @type {Value[]} */
    const values = [];
    /** @type {NonNullable<Point["counts"]> | null} */
    let before = null;
    for (const { at, counts } of points) {
      if (counts === null) {
        values.push({ at: Date.parse(at), value: null });
        before = null;
        continue;
      }
      if (before?.as_of === counts.as_of) continue;
      const moment = Date.parse(counts.as_of);
      const added = before && pick(counts) - pick(before);
      if (before !== null && added !== null && added >= 0) {
        const ms = moment - Date.parse(before.as_of);
        values.push({ at: moment, value: added * 1_000 / ms });
      }
      before = counts;
    }
    return values;
  };
}

/**
 * @param {"worker_records" | "outbox_oldest_seconds" | "p95_seconds"} name
 * @returns {(points: readonly Point[]) => Value[]}
 */
function pointValues(name) {
  return (points) => points.map((point) => ({ at: Date.parse(point.at), value: point[name] }));
}

/**
 * What the line shows, in words.
 * @param {readonly Value[]} values
 * @param {(value: number) => string} format
 */
function summary(values, format) {
  const last = values.at(-1);
  const highest = values.reduce(
    (best, each) => (each.value ?? -1) > (best?.value ?? -1) ? each : best,
    last,
  );
  if (last === undefined || highest === undefined || highest.value === null) return "not known";
  const now = last.value === null ? "not known now" : `now ${format(last.value)}`;
  const when = formatTime(new Date(highest.at).toISOString());
  return `${now}, at most ${format(highest.value)} at ${when}`;
}

/**
 * A line in a box of 100 by 30, broken where nothing is known.
 * @param {readonly Value[]} values
 * @param {number} begin
 * @param {number} end
 * @param {number} gapMs
 */
export function pathOf(values, begin, end, gapMs) {
  const highest = Math.max(Number.MIN_VALUE, ...values.map(({ value }) => value ?? 0));
  let path = "";
  /** @type {Value | undefined} */
  let before;
  for (const each of values) {
    if (each.value === null || each.at < begin) {
      before = undefined;
      continue;
    }
    const goesOn = before !== undefined && each.at - before.at <= gapMs;
    const x = 100 * (each.at - begin) / (end - begin);
    const y = 29 - 28 * each.value / highest;
    path += `${goesOn ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
    before = each;
  }
  return path;
}

/** @param {{ title: string, text: string, path: string }} chart */
function chartItem({ title, text, path }) {
  const drawing = byId("hour-line");
  if (!(drawing instanceof HTMLTemplateElement)) throw new Error('"hour-line" is no template');
  const box = document.importNode(drawing.content, true);
  box.querySelector("path")?.setAttribute("d", path);
  return make("li", {
    children: [make("h3", { text: title }), make("p", { className: "quiet", text }), box],
  });
}
