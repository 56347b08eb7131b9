/** Follows an order that was placed here, step by step, with the times at which this page saw each. */
import { ask, problemText } from "./ask.js";
import { byId, make, setText } from "./dom.js";
import { formatDecimal, formatSeconds } from "./format.js";

const askEveryMs = 200;
/** After the first seconds: it waits for something that is away. */
const askSeldomMs = 1_000;
const eagerMs = 5_000;
const followMsMax = 120_000;

const wayNames = {
  placed: "Placed",
  published: "Published",
  settled: "Invoiced",
  viewed: "In the read model",
};

/** Which order is followed: that of an earlier one is given up. */
let followed = 0;

/**
 * @param {{ order_id: string, user_id: string, amount: string, currency: string }} order as it was answered
 * @param {number} sentAt when its request went out, by `performance.now()`
 */
export async function followOrder(order, sentAt) {
  const mine = ++followed;
  /** @type {Map<string, number>} */
  const seen = new Map([["placed", performance.now() - sentAt]]);
  byId("way").hidden = false;
  setText(
    byId("way-order"),
    `${order.order_id}: ${formatDecimal(order.amount)} ${order.currency} for ${order.user_id}`,
  );
  setText(byId("way-note"), "");
  showWay(seen, undefined);
  while (mine === followed && performance.now() - sentAt < followMsMax) {
    const answer = await ask(`/dashboard/orders/${encodeURIComponent(order.order_id)}`);
    if (mine !== followed) return;
    if (answer.problem !== undefined) {
      const isOver = [401, 403].includes(answer.status);
      const text = `It is placed, but what became of it cannot be read: ${
        problemText(answer.problem)
      }.`;
      setText(byId("way-note"), isOver ? text : `${text} Asking again.`);
      if (isOver) return;
    } else {
      setText(byId("way-note"), "");
      noteSteps(answer.value, seen, performance.now() - sentAt);
      showWay(seen, answer.value);
      if (seen.has("viewed")) return;
    }
    const isEager = performance.now() - sentAt < eagerMs;
    await new Promise((resolve) => setTimeout(resolve, isEager ? askEveryMs : askSeldomMs));
  }
  if (mine !== followed) return;
  setText(
    byId("way-note"),
    "Not there after two minutes: is a worker running? The pipeline above says which part is behind. Look for the order by its id later.",
  );
}

/**
 * @param {import("../dashboard_data.ts").OrderTrail} trail
 * @param {Map<string, number>} seen milliseconds since the request, by step
 * @param {number} afterMs
 */
function noteSteps({ order, outbox, topic }, seen, afterMs) {
  const settled = order.invoice !== null || order.dead_letter !== null;
  const published = settled || topic !== undefined || outbox?.state === "published" ||
    outbox?.state === "removed";
  // The result is read from the read model: who sees it there sees that both are done.
  const reached = { published, settled, viewed: settled };
  for (const [name, isReached] of Object.entries(reached)) {
    if (isReached && !seen.has(name)) seen.set(name, afterMs);
  }
}

/**
 * @param {ReadonlyMap<string, number>} seen
 * @param {import("../dashboard_data.ts").OrderTrail | undefined} trail
 */
function showWay(seen, trail) {
  const failed = trail?.order.dead_letter != null;
  const steps = Object.entries(wayNames).map(([name, title]) => {
    const ms = seen.get(name);
    const isFailed = failed && name === "settled";
    const state = ms === undefined ? "open" : isFailed ? "failed" : "done";
    return make("li", {
      className: state,
      children: [
        make("strong", { text: isFailed ? "Dead-lettered" : title }),
        make("span", {
          className: "quiet",
          text: ms === undefined ? "waiting" : `seen after ${formatSeconds(ms / 1000)}`,
        }),
        make("span", { text: ms === undefined ? "" : wayDetail(name, trail) }),
      ],
    });
  });
  byId("way-steps").replaceChildren(...steps);
}

/**
 * @param {string} name
 * @param {import("../dashboard_data.ts").OrderTrail | undefined} trail
 */
function wayDetail(name, trail) {
  if (name === "placed") return "answered 202: durable in Postgres, with its outbox row";
  if (trail === undefined) return "";
  const { order, topic } = trail;
  if (name === "published") {
    return topic === undefined
      ? "past the relay's cursor"
      : `partition ${topic.partition}, offset ${topic.offset}`;
  }
  if (name === "viewed") return `GET /orders/{id} says ${order.status}`;
  if (order.invoice !== null) {
    const { gross, tax } = order.invoice;
    return `${formatDecimal(gross)} ${order.currency} gross, ${formatDecimal(tax)} of it tax`;
  }
  return `${trail.dead_letter_class ?? "unknown"}: ${order.dead_letter?.reason ?? ""}`;
}
