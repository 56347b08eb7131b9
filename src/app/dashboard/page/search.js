/** Looks for one order and tells where it is. */
import { getJson, TokenNeeded } from "./client.js";
import { byId, inputById, make, setText } from "./dom.js";
import { formatDecimal, formatTime } from "./format.js";
import { statusPill } from "./lists.js";

/** Which search is the latest: an answer to an older one is dropped. */
let asked = 0;

/** Makes the search box work; answers with a function that looks an order up. */
export function startSearch() {
  const box = inputById("order-id");
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim() !== "") lookUp(box.value.trim());
  });
  return (/** @type {string} */ orderId) => {
    box.value = orderId;
    lookUp(orderId).then(() =>
      byId("trail").scrollIntoView({ block: "nearest", behavior: "instant" })
    );
  };
}

/** @param {string} orderId */
async function lookUp(orderId) {
  const mine = ++asked;
  try {
    /** @type {import("../dashboard_data.ts").OrderTrail | undefined} */
    const trail = await getJson(`/dashboard/orders/${encodeURIComponent(orderId)}`);
    if (mine !== asked) return;
    if (trail === undefined) showMessage(`There is no order ${orderId}.`);
    else showTrail(trail);
  } catch (error) {
    if (mine !== asked) return;
    showMessage(
      error instanceof TokenNeeded
        ? "The server wants a token first."
        : `The order cannot be looked up now: ${error instanceof Error ? error.message : error}.`,
    );
  }
}

/** @param {string} text */
function showMessage(text) {
  byId("trail").replaceChildren(make("p", { text }));
}

/** @param {import("../dashboard_data.ts").OrderTrail} trail */
function showTrail(trail) {
  const { order } = trail;
  const heading = make("p", {
    children: [
      make("strong", { text: order.order_id }),
      document.createTextNode(
        ` ${formatDecimal(order.amount)} ${order.currency} for ${order.user_id} `,
      ),
      statusPill(order.status),
    ],
  });
  const steps = make("ol", { className: "steps" });
  for (const { done, text } of stepsOf(trail)) {
    const step = make("li", { className: done ? "done" : "open" });
    setText(step, text);
    steps.append(step);
  }
  byId("trail").replaceChildren(heading, steps);
}

/**
 * @param {import("../dashboard_data.ts").OrderTrail} trail
 * @returns {{ done: boolean, text: string }[]}
 */
function stepsOf({ order, outbox, topic, invoices_count, dead_letter_class }) {
  const steps = [
    { done: true, text: outboxText(order.placed_at, outbox) },
    topic === undefined
      ? { done: false, text: "Not seen on its topic yet" }
      : { done: true, text: topicText(topic) },
  ];
  const { invoice, dead_letter } = order;
  if (invoice !== null) {
    const times = invoices_count > 1 ? `, ${invoices_count} times: billed twice` : "";
    steps.push({
      done: true,
      text: `Invoiced ${formatTime(invoice.invoiced_at)}: ${formatDecimal(invoice.gross)} ` +
        `${order.currency} gross, ${formatDecimal(invoice.tax)} of it tax${times}`,
    });
  } else if (dead_letter !== null) {
    steps.push({
      done: true,
      text: `Dead-lettered ${formatTime(dead_letter.dead_lettered_at)}: ` +
        `${dead_letter_class ?? "unknown"}: ${dead_letter.reason}`,
    });
  } else steps.push({ done: false, text: "Neither invoiced nor dead-lettered yet" });
  return steps;
}

/**
 * @param {string} placedAt
 * @param {import("../dashboard_data.ts").OrderTrail["outbox"]} outbox
 */
function outboxText(placedAt, outbox) {
  if (outbox === undefined) return `Came from another producer, dated ${formatTime(placedAt)}`;
  const place = outbox.position === undefined ? "" : `, outbox position ${outbox.position}`;
  const states = {
    waiting: "waiting for the relay",
    published: "published",
    removed: "published and cleared away",
    unknown: "Kafka does not say whether it is published",
  };
  return `Placed ${formatTime(placedAt)}${place}, ${states[outbox.state]}`;
}

/** @param {NonNullable<import("../dashboard_data.ts").OrderTrail["topic"]>} topic */
function topicText({ partition, offset, times }) {
  const again = times > 1 ? `, ${times} times in all` : "";
  return `On its topic at partition ${partition}, offset ${offset}${again}`;
}
