/** The form that places an order, as any client does: with an `Idempotency-Key`, so that sending it again is safe. */
import { ask, problemText } from "./ask.js";
import { byId, inputById, setText } from "./dom.js";
import { followOrder } from "./way.js";

const placeFields = ["user_id", "amount", "currency", "order_id"];

/** Of the order that stands in the form; kept while nobody knows whether it was placed. */
let placeKey = "";

/** Makes the form work. */
export function startPlacing() {
  const form = byId("place");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    placeOrder();
  });
  // Another order must not come with the key of this one.
  form.addEventListener("input", () => placeKey = "");
}

async function placeOrder() {
  const send = byId("place-send");
  if (send.getAttribute("aria-disabled") === "true") return;
  placeKey = placeKey || newKey();
  send.setAttribute("aria-disabled", "true");
  showPlaceProblem(undefined);
  const sentAt = performance.now();
  const answer = await ask("/orders", {
    body: placeBody(),
    headers: { "idempotency-key": placeKey },
  });
  send.removeAttribute("aria-disabled");
  if (answer.problem !== undefined) {
    const isOpen = answer.status === 0 || answer.status >= 500 || answer.status === 408;
    if (!isOpen) placeKey = "";
    const unknown = isOpen
      ? ". Whether it was placed is not known; send it again: it carries the same Idempotency-Key and is not placed twice"
      : "";
    showPlaceProblem({ ...answer.problem, text: problemText(answer.problem) + unknown });
    return;
  }
  placeKey = "";
  inputById("place-order").value = "";
  followOrder(answer.value, sentAt);
}

function placeBody() {
  const entries = placeFields.map((name) => [name, placeInput(name).value]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

/** @param {string} name */
function placeInput(name) {
  return inputById(`place-${name.replace("_id", "")}`);
}

/** @param {{ text: string, errors?: readonly { field: string, detail: string }[] } | undefined} problem */
function showPlaceProblem(problem) {
  let first;
  for (const name of placeFields) {
    const said = problem?.errors?.find(({ field }) => field === name);
    const input = placeInput(name);
    const note = byId(`${input.id}-problem`);
    note.hidden = said === undefined;
    setText(note, said?.detail ?? "");
    if (said === undefined) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
    if (said !== undefined) first ??= input;
  }
  byId("place-problem").hidden = problem === undefined;
  setText(byId("place-problem"), problem?.text ?? "");
  first?.focus();
}

/** 128 random bits. `crypto.randomUUID` is not there where the page came over plain HTTP from another machine. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
