/** Shows the guarantee and what the data says about it. */
import { byId, make, setRows, setText } from "./dom.js";
import { formatCount, formatTime } from "./format.js";

const meanings = {
  "exactly-once": "Outputs and offset commit in one Kafka transaction",
  "at-least-once": "Outputs first, offset after: a crash between them bills twice",
  "at-most-once": "Offset first, outputs after: a crash between them bills never",
};

const sources = {
  worker: "The worker in this process runs with it.",
  setting: "So says GUARANTEE here; a worker elsewhere may run with --guarantee.",
};

/**
 * @param {import("../dashboard_data.ts").DashboardData} data
 * @param {(orderId: string) => void} onExample
 */
export function showBooks({ guarantee, counts, conservation }, onExample) {
  const badge = byId("guarantee");
  setText(badge, guarantee.name);
  badge.dataset.guarantee = guarantee.name;
  setText(
    byId("guarantee-meaning"),
    `${meanings[guarantee.name]}. ${sources[guarantee.known_from]}`,
  );
  if (counts.known) {
    const { pending, invoiced, dead_lettered } = counts.value;
    setText(byId("count-pending"), formatCount(pending));
    setText(byId("count-settled"), formatCount(invoiced + dead_lettered));
  }
  byId("books").classList.toggle("stale", !conservation.known);
  if (!conservation.known) {
    setText(byId("books-note"), conservation.reason);
    return;
  }
  const { cut_at, never_published, never_settled, billed_twice } = conservation.value;
  const lost = never_published.orders + never_settled.orders;
  showFinding("lost", lost);
  showFinding("duplicated", billed_twice.orders);
  setText(byId("books-note"), `Checked up to the offsets of ${formatTime(cut_at)}.`);
  const examples = [
    ...never_published.examples.map((id) => ({ id, why: "never published" })),
    ...never_settled.examples.map((id) => ({ id, why: "neither invoiced nor dead-lettered" })),
    ...billed_twice.examples.map((id) => ({ id, why: "billed twice" })),
  ];
  byId("examples").hidden = examples.length === 0;
  setRows(byId("examples"), examples, ({ id, why }) => {
    const button = make("button", { className: "link", text: id });
    button.addEventListener("click", () => onExample(id));
    return make("li", { children: [button, make("span", { text: ` ${why}` })] });
  });
}

/**
 * @param {string} name
 * @param {number} orders
 */
function showFinding(name, orders) {
  const element = byId(`count-${name}`);
  setText(element, formatCount(orders));
  element.closest("div")?.classList.toggle("bad", orders > 0);
}
