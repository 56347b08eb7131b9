/** Shows what the last torture and the last benchmark have found. */
import { byId, make, setRows, setText } from "./dom.js";
import { formatCount, formatSeconds, formatTime } from "./format.js";

const oneDigitMore = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

/** @param {import("../past_data.ts").LastRuns} runs */
export function showRuns({ torture, bench }) {
  setText(byId("run-torture"), torture.found ? tortureText(torture) : `${torture.reason}.`);
  const findings = torture.found ? torture.value.findings : [];
  setRows(byId("run-findings"), findings, (text) => make("li", { text }));
  setText(byId("run-bench"), bench.found ? benchText(bench) : `${bench.reason}.`);
  byId("run-figures").closest("table")?.toggleAttribute("hidden", !bench.found);
  if (bench.found) setRows(byId("run-figures"), bench.value.figures, figureRow);
}

/** @param {Extract<import("../past_data.ts").LastRuns["torture"], { found: true }>} run */
function tortureText({ at, value }) {
  const { good, findings_count, faults_landed, orders_acknowledged, recovery_median_ms } = value;
  const found = good ? "Nothing found" : `${formatCount(findings_count)} findings`;
  const back = recovery_median_ms === null
    ? ""
    : `, half of them over after ${formatSeconds(recovery_median_ms / 1_000)}`;
  return `${found} on ${dayOf(at)}: ${
    formatCount(faults_landed)
  } faults in ${value.minutes} min${back}; ` +
    `${
      formatCount(orders_acknowledged)
    } orders acknowledged; Kafka ${value.kafka}, ${value.guarantee}, ` +
    `seed ${value.seed}.`;
}

/** @param {Extract<import("../past_data.ts").LastRuns["bench"], { found: true }>} run */
function benchText({ at, value }) {
  const bounds = value.size === "default"
    ? ""
    : "; the bounds are for a run of default size on a quiet machine";
  return `${dayOf(at)}, ${value.command}${bounds}`;
}

/** @param {import("../past_data.ts").BenchRun["figures"][number]} figure */
function figureRow({ section, label, unit, median, target, met }) {
  const verdict = target === undefined ? "" : met ? "met" : "missed";
  const bound = target === undefined ? "" : `${oneDigitMore.format(target)}, ${verdict}`;
  return make("tr", {
    className: verdict === "missed" ? "missed" : "",
    children: [
      make("th", { text: `${section}: ${label}` }),
      make("td", { className: "number", text: `${oneDigitMore.format(median)} ${unit}` }),
      make("td", { className: "number", text: bound }),
    ],
  });
}

/** @param {string} iso */
function dayOf(iso) {
  const time = new Date(iso);
  return `${time.toLocaleDateString("en-GB")} ${formatTime(iso).slice(-8)}`;
}
