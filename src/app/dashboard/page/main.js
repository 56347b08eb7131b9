/** Keeps the page up to date: asks once a second while somebody can see it. */
import { showBooks } from "./books.js";
import { getJson, keepToken, TokenNeeded } from "./client.js";
import { startDeeds } from "./deeds.js";
import { byId, inputById, setText } from "./dom.js";
import { formatTime } from "./format.js";
import { startLetter } from "./letter.js";
import { showLists } from "./lists.js";
import { startOperating } from "./operate.js";
import { showPipeline } from "./pipeline.js";
import { startPlacing } from "./place.js";
import { startSearch } from "./search.js";

const everyMs = 1_000;
/** After a failure: nobody gains from a server that comes back under a rush of questions. */
const everyMsWhenDown = 3_000;

let paused = false;
let running = false;
let lastSeen = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

const openOrder = startSearch();
startPlacing();
startOperating();
startDeeds();
startLetter(openOrder);

/** Asks once, then waits for the next turn. */
async function turn() {
  if (running) return;
  clearTimeout(timer);
  if (paused || document.hidden) return;
  running = true;
  let nextMs = everyMs;
  try {
    /** @type {import("../dashboard_data.ts").DashboardData | undefined} */
    const data = await getJson("/dashboard/data.json");
    if (data === undefined) throw new Error("the server has no data");
    show(data);
    lastSeen = data.at;
    const missing = missingOf(data);
    setConnection(missing ? "down" : "live", missing ?? "Live");
    byId("token").hidden = true;
  } catch (error) {
    nextMs = everyMsWhenDown;
    if (error instanceof TokenNeeded) {
      byId("token").hidden = false;
      setConnection("down", "A token is needed");
    } else {
      const since = lastSeen === "" ? "" : `; the figures are of ${formatTime(lastSeen)}`;
      setConnection("down", `The server does not answer${since}`);
    }
  } finally {
    running = false;
  }
  timer = setTimeout(turn, nextMs);
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
  showBooks(data, openOrder);
  showLists(data, openOrder);
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
  turn();
});

byId("token").addEventListener("submit", (event) => {
  event.preventDefault();
  const box = inputById("token-value");
  keepToken(box.value);
  box.value = "";
  turn();
});

document.addEventListener("visibilitychange", turn);
turn();
