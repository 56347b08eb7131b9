/** Fills the tables: latest orders, customers, dead letters. */
import { byId, make, setRows, setText } from "./dom.js";
import { formatCount, formatDecimal, formatTime, shortenId } from "./format.js";
import { showLetter } from "./letter.js";
import { redrive } from "./deeds.js";
import { mark } from "./pipeline.js";
import { plain, whyText } from "./plain.js";

/**
 * @param {import("../dashboard_data.ts").DashboardData} data
 * @param {(orderId: string) => void} onOrder
 */
export function showLists({ latest_orders, customers, dead_letters }, onOrder) {
  mark("orders", latest_orders);
  mark("customers", customers);
  mark("dead-letters", dead_letters);
  if (latest_orders.known) {
    byId("no-orders").hidden = latest_orders.value.length > 0;
    setRows(byId("orders"), latest_orders.value, (order) => orderRow(order, onOrder));
  }
  if (customers.known) {
    byId("no-customers").hidden = customers.value.length > 0;
    setRows(byId("customers"), customers.value, customerRow);
  }
  if (dead_letters.known) showDeadLetters(dead_letters.value, onOrder);
}

/**
 * A status as a word with a sign, so that it does not hang on its colour.
 * @param {string} status
 */
export function statusPill(status) {
  return make("span", { className: `pill ${status}`, text: status });
}

/**
 * @param {import("../../orders/find_order.ts").OrderState} order
 * @param {(orderId: string) => void} onOrder
 */
function orderRow(order, onOrder) {
  const button = make("button", {
    className: "link",
    text: shortenId(order.order_id),
    title: order.order_id,
  });
  button.addEventListener("click", () => onOrder(order.order_id));
  return make("tr", {
    children: [
      make("th", { children: [button] }),
      make("td", { className: "wide", text: order.user_id, title: order.user_id }),
      make("td", { className: "number", text: `${formatDecimal(order.amount)} ${order.currency}` }),
      make("td", { children: [statusPill(order.status)] }),
      make("td", { className: "wide number", text: formatTime(order.placed_at) }),
    ],
  });
}

/** @param {import("../dashboard_data.ts").CustomerRow} row */
function customerRow({ user_id, currency, orders_count, invoices_count, invoiced_total }) {
  return make("tr", {
    children: [
      make("th", { text: user_id, title: user_id }),
      make("td", { className: "number", text: formatCount(orders_count) }),
      make("td", { className: "wide number", text: formatCount(invoices_count) }),
      make("td", { className: "number", text: `${formatDecimal(invoiced_total)} ${currency}` }),
    ],
  });
}

/**
 * @param {import("../dashboard_data.ts").DeadLetters} letters
 * @param {(orderId: string) => void} onOrder
 */
function showDeadLetters({ records, by_cause, unread, latest }, onOrder) {
  const rest = unread > 0 ? ` (${formatCount(unread)} records still to be read)` : "";
  setText(byId("dead-letters-total"), `${formatCount(records)} written${rest}`);
  byId("no-dead-letters").hidden = records > 0;
  setRows(byId("dead-letters-by-cause"), by_cause, causeItem);
  setRows(byId("dead-letters-latest"), latest, (letter) => deadLetterItem(letter, onOrder));
}

/**
 * @param {import("../dashboard_data.ts").DeadLetterRow} letter
 * @param {(orderId: string) => void} onOrder
 */
function deadLetterItem({ key, error, error_class, partition, offset, at }, onOrder) {
  const name = key === "" ? "a record without a key" : plain(key);
  const address = `${partition}/${offset}`;
  const subject = make(key === "" ? "span" : "button", { className: "link", text: name });
  if (key !== "") subject.addEventListener("click", () => onOrder(key));
  return make("li", {
    children: [
      subject,
      make("p", { text: whyText(error_class, error) }),
      make("p", {
        className: "quiet",
        text: `${formatTime(at)}, partition ${partition}, offset ${offset}`,
      }),
      make("p", {
        className: "acts",
        children: [
          act(`Look at ${address}`, () => showLetter(address)),
          operatingAct(
            `Send ${address} back …`,
            () => redrive(`Send dead letter ${address} back`, { addresses: [address] }),
          ),
        ],
      }),
    ],
  });
}

/** @param {import("../dashboard_data.ts").CauseRow} cause */
function causeItem({ fingerprint, error_class, reason, records, last, samples }) {
  const text = whyText(error_class, reason);
  return make("li", {
    children: [
      make("p", {
        className: "cause",
        children: [
          make("span", { text }),
          make("strong", { className: "number", text: formatCount(records) }),
        ],
      }),
      make("p", { className: "quiet", text: `last ${formatTime(last)}, cause ${fingerprint}` }),
      make("p", {
        className: "acts",
        children: [
          ...samples.map((address) => act(`Look at ${address}`, () => showLetter(address))),
          operatingAct(
            `Send all of ${fingerprint} back …`,
            () => redrive("Send back all with one cause", { fingerprint }),
          ),
        ],
      }),
    ],
  });
}

/**
 * @param {string} text
 * @param {() => void} onClick
 */
function act(text, onClick) {
  const button = make("button", { className: "link", text });
  button.addEventListener("click", onClick);
  return button;
}

/**
 * The same for what operates the pipeline.
 * @param {string} text
 * @param {() => void} onClick
 */
function operatingAct(text, onClick) {
  const button = act(text, onClick);
  button.dataset.operates = "";
  return button;
}
