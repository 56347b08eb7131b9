/** Draws the stages that an order passes: counters, rates, and how far each is behind. */
import { byId, setText } from "./dom.js";
import { formatCount, formatRate, formatSeconds } from "./format.js";
import { newHistory, rateOf, remember, sparkline } from "./history.js";

const histories = {
  placed: newHistory(),
  published: newHistory(),
  invoiced: newHistory(),
  dead_lettered: newHistory(),
};

/** A lag below this is the normal wait for the next poll. */
export const calmRecords = 100;
const calmSeconds = 2;
/** Figures that are older say so. */
const agedSeconds = 10;

/** @param {import("../dashboard_data.ts").DashboardData} data */
export function showPipeline({ counts, lags, topics }) {
  setText(byId("topic-orders"), topics.orders);
  setText(byId("topic-invoices"), topics.invoices);
  setText(byId("topic-dead-letters"), topics.dead_letters);
  mark("counts", counts);
  mark("lags", lags);
  if (counts.known) {
    const at = Date.parse(counts.as_of);
    showCounter("placed", at, counts.value.placed);
    showCounter("published", at, counts.value.published);
    showCounter("invoiced", at, counts.value.invoiced);
    showCounter("dead_lettered", at, counts.value.dead_lettered);
  }
  if (lags.known) showLags(lags.value);
}

/**
 * @param {keyof typeof histories} name
 * @param {number} at
 * @param {number} count
 */
function showCounter(name, at, count) {
  const history = histories[name];
  remember(history, at, count);
  setText(byId(`count-${name}`), formatCount(count));
  setText(byId(`rate-${name}`), formatRate(rateOf(history)));
  byId(`line-${name}`).setAttribute("points", sparkline(history));
}

/** @param {import("../dashboard_data.ts").Lags} lags */
function showLags({ relay, worker, projector }) {
  const { waiting, waiting_max } = relay;
  const more = waiting >= waiting_max ? " or more" : "";
  showLag(
    "relay",
    waiting === 0 ? "nothing waits" : `${formatCount(waiting)}${more} waiting`,
    waiting === 0 ? "" : `oldest for ${formatSeconds(relay.oldest_seconds)}`,
    relay.oldest_seconds > calmSeconds,
  );
  showLag("worker", behind(worker.records), "", worker.records > calmRecords);
  showLag("projector", behind(projector.records), "", projector.records > calmRecords);
  const held = relay.horizon_holder !== null && relay.horizon_seconds > calmSeconds;
  byId("horizon").hidden = !held;
  setText(
    byId("horizon"),
    held
      ? `A writing transaction has been open for ${formatSeconds(relay.horizon_seconds)}: ` +
        `${relay.horizon_holder}. Outbox rows behind it wait until it ends.`
      : "",
  );
}

/** @param {number} records */
function behind(records) {
  return records === 0 ? "caught up" : `${formatCount(records)} behind`;
}

/**
 * @param {string} name
 * @param {string} text
 * @param {string} note
 * @param {boolean} late
 */
function showLag(name, text, note, late) {
  const element = byId(`lag-${name}`);
  setText(element, text);
  element.classList.toggle("late", late);
  setText(byId(`note-${name}`), note);
}

/**
 * Figures that could not be renewed stay, pale, and say why.
 * @param {string} name
 * @param {{ known: boolean, as_of?: string, reason?: string }} figure
 */
export function mark(name, { known, as_of, reason }) {
  for (const element of document.querySelectorAll(`[data-of="${name}"]`)) {
    element.classList.toggle("stale", !known);
  }
  const ageSeconds = known ? (Date.now() - Date.parse(as_of ?? "")) / 1000 : 0;
  const text = known
    ? ageSeconds > agedSeconds ? `as of ${formatSeconds(ageSeconds)} ago` : ""
    : reason ?? "";
  for (const element of document.querySelectorAll(`[data-age-of="${name}"]`)) {
    setText(element, text);
    element.classList.toggle("late", !known);
  }
}
