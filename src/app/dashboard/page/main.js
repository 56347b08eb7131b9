/** Keeps the page up to date: follows the server's stream while somebody can see it. */
import { showBooks } from "./books.js";
import { follow, getJson, keepToken, Refused, TokenNeeded } from "./client.js";
import { startDeeds } from "./deeds.js";
import { byId, inputById, setText } from "./dom.js";
import { formatTime } from "./format.js";
import { showHour } from "./hour.js";
import { startLetter } from "./letter.js";
import { showLists } from "./lists.js";
import { startOperating } from "./operate.js";
import { showPipeline } from "./pipeline.js";
import { startPlacing } from "./place.js";
import { showRuns } from "./runs.js";
import { startSearch } from "./search.js";
import { lookWhetherMayOperate, showWhetherMayOperate } from "./may_operate.js";
import { showWorkers } from "./workers.js";

/** After a failure: nobody gains from a server that comes back under a rush of questions. */
const againMsWhenDown = 3_000;
const lookBackMs = 30_000;

let paused = false;
let lastSeen = "";
/** Of the stream that is followed now. */
let current = new AbortController();

const openOrder = startSearch();
startPlacing();
startOperating();
startDeeds();
startLetter(openOrder);

/** Leaves the stream that is followed, and follows a new one where somebody looks. */
function restart() {
  current.abort();
  current = new AbortController();
  if (!paused && !document.hidden) keepFollowing(current.signal);
}

/** @param {AbortSignal} signal */
async function keepFollowing(signal) {
  while (!signal.aborted) {
    // Streams end, and those of all pages at once where a server stops.
    let againMs = 500 * (1 + Math.random());
    try {
      await follow("/dashboard/stream", show, signal);
    } catch (error) {
      if (signal.aborted) return;
      againMs = sayWhyNot(error);
    }
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}

/**
 * Says what is wrong, and answers with the milliseconds until it is tried again.
 * @param {unknown} error
 */
function sayWhyNot(error) {
  const since = lastSeen === "" ? "" : `; the figures are of ${formatTime(lastSeen)}`;
  const isToken = error instanceof TokenNeeded;
  const why = isToken || error instanceof Refused ? error.message : "The server does not answer";
  if (isToken) byId("token").hidden = false;
  setConnection("down", isToken ? why : why + since);
  return Math.max(againMsWhenDown, error instanceof Refused ? error.afterSeconds * 1_000 : 0);
}

/**
 * Why some of the figures are not those of now; undefined where all are.
 *
 * @param {import("../dashboard_data.ts").DashboardData} data
 * @returns {string | undefined}
 */
function missingOf({ counts, lags }) {
  for (const part of [counts, lags]) if (!part.known) return part.reason;
}

/** @param {import("../dashboard_data.ts").DashboardData} data */
function show(data) {
  showPipeline(data);
  showWorkers(data);
  showBooks(data, openOrder);
  showLists(data, openOrder);
  showWhetherMayOperate();
  lastSeen = data.at;
  const missing = missingOf(data);
  setConnection(missing ? "down" : "live", missing ?? "Live");
  byId("token").hidden = true;
  lookBack();
  lookWhetherMayOperate();
}

let lookedBackAt = -Infinity;

/** The past changes slowly: it is asked for each half a minute, while the stream runs. What fails is tried again then. */
async function lookBack() {
  if (performance.now() - lookedBackAt < lookBackMs) return;
  lookedBackAt = performance.now();
  try {
    const [history, runs] = await Promise.all([
      getJson("/dashboard/history.json"),
      getJson("/dashboard/runs.json"),
    ]);
    showHour(history);
    showRuns(runs);
  } catch (error) {
    setText(
      byId("hour-since"),
      `cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/**
 * @param {"live" | "paused" | "down"} state
 * @param {string} text
 */
function setConnection(state, text) {
  byId("connection").dataset.state = state;
  setText(byId("connection-text"), text);
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  if (paused) setConnection("paused", `Paused at ${formatTime(lastSeen)}`);
  restart();
});

byId("token").addEventListener("submit", (event) => {
  event.preventDefault();
  const box = inputById("token-value");
  keepToken(box.value);
  lookWhetherMayOperate(true);
  box.value = "";
  restart();
});

document.addEventListener("visibilitychange", restart);
restart();
