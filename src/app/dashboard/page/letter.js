/** Shows one dead letter whole: why, from where, its headers and its value, all as text. */
import { ask, problemText } from "./ask.js";
import { byId, make, setText } from "./dom.js";
import { formatTime } from "./format.js";
import { whyText } from "./plain.js";
import { redrive } from "./deeds.js";

/** @type {{ address: string, key: string | null } | undefined} */
let openLetter;

/** @param {(orderId: string) => void} onOrder */
export function startLetter(onOrder) {
  byId("letter-close").addEventListener("click", () => letterDialog().close());
  byId("letter-order").addEventListener("click", () => {
    letterDialog().close();
    if (openLetter?.key) onOrder(openLetter.key);
  });
  byId("letter-redrive").addEventListener("click", () => {
    letterDialog().close();
    if (openLetter) {
      redrive(`Send dead letter ${openLetter.address} back`, { addresses: [openLetter.address] });
    }
  });
}

/** @param {string} address */
export async function showLetter(address) {
  openLetter = undefined;
  setText(byId("letter-title"), `Dead letter ${address}`);
  for (const name of ["order", "redrive"]) byId(`letter-${name}`).hidden = true;
  byId("letter-body").replaceChildren(make("p", { text: "Reading it" }));
  letterDialog().showModal();
  byId("letter-title").focus();
  const answer = await ask(`/dashboard/dead-letters/${address}`);
  if (answer.problem !== undefined) {
    byId("letter-body").replaceChildren(make("p", { text: problemText(answer.problem) }));
    return;
  }
  /** @type {import("../read_letter.ts").LetterDetails} */
  const letter = answer.value;
  openLetter = { address, key: letter.order_id };
  byId("letter-order").hidden = letter.order_id === null;
  byId("letter-redrive").hidden = false;
  byId("letter-body").replaceChildren(...partsOf(letter));
}

/** @param {import("../read_letter.ts").LetterDetails} letter */
function partsOf(letter) {
  const facts = [
    ["Error", whyText(letter.error_class, letter.error)],
    ["Failed at", `${formatTime(letter.failed_at)}, after ${triesText(letter.attempts)}`],
    ["Came from", letter.origin ?? "(no header tells)"],
    ...(letter.trips === 1 ? [] : [["Trips", tripsText(letter)]]),
    ["Group", letter.group || "(no header tells)"],
    ["Key", letter.key ?? "(null)"],
    ...(letter.missing === null ? [] : [["Not whole", letter.missing]]),
  ];
  return [
    make("dl", {
      className: "facts",
      children: facts.flatMap(([name = "", text = ""]) => [
        make("dt", { text: name }),
        make("dd", { text }),
      ]),
    }),
    make("h3", { text: `Headers (${letter.headers.length})` }),
    scrolling("Headers", letter.headers.map(({ name, text }) => `${name}: ${text}`).join("\n")),
    make("h3", { text: `Value (${letter.value.bytes} bytes, ${letter.value.kind})` }),
    scrolling("Value", letter.value.text),
  ];
}

/** @param {number} attempts */
function triesText(attempts) {
  return attempts === 1 ? "1 try" : `${attempts} tries`;
}

/** @param {import("../read_letter.ts").LetterDetails} letter */
function tripsText({ trips, attempts_in_all, first_origin, first_failed_at }) {
  const at = first_failed_at === null ? "" : ` at ${formatTime(first_failed_at)}`;
  return `a dead letter ${trips} times, after ${triesText(attempts_in_all)} in all; first${at}, ` +
    `from ${first_origin ?? "a place that no header tells"}`;
}

/**
 * Text as it is; with the keyboard one can move in what does not fit.
 * @param {string} name
 * @param {string} text
 */
function scrolling(name, text) {
  const element = make("pre", { text });
  element.tabIndex = 0;
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", name);
  return element;
}

/** @returns {HTMLDialogElement} */
function letterDialog() {
  const element = byId("letter");
  if (!(element instanceof HTMLDialogElement)) throw new Error("the page has no dialog");
  return element;
}
