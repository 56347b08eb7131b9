/** Operates the pipeline: says first what would be done, does it when that is confirmed, and tells what came of it. */
import { problemText } from "./ask.js";
import { doDeed } from "./deed.js";
import { byId, inputById, make, setText } from "./dom.js";
import { plain } from "./plain.js";

/**
 * A line below the words; with a deed, which is that part of it alone, it can be chosen.
 *
 * @typedef {string | { text: string, choose: string, deed: Deed }} Note
 */

/**
 * What is to be done. `foresee` gives the words of the confirmation from a dry run's result, and how much it is; 0 leaves
 * nothing to confirm.
 *
 * @typedef {object} Deed
 * @property {string} title
 * @property {string} path
 * @property {Record<string, unknown>} body
 * @property {string} [pace] the field of the body that bounds the records of a second; asked for where there is one
 * @property {(result: any) => { what: string, notes?: readonly Note[], amount: number, go: string }} foresee
 * @property {(progress: any) => { text: string, done: number }} tell
 * @property {(result: any) => { what: string, notes?: readonly Note[] }} conclude
 */

/** What is under way; aborting it stops it. */
/** @type {AbortController | undefined} */
let deedUnderWay;

/** @type {(() => void) | undefined} */
let confirmDeed;

/** Makes the dialog work. */
export function startOperating() {
  byId("operate-close").addEventListener("click", () => operateDialog().close());
  byId("operate-form").addEventListener("submit", (event) => {
    event.preventDefault();
    confirmDeed?.();
  });
  operateDialog().addEventListener("close", () => {
    deedUnderWay?.abort();
    deedUnderWay = undefined;
    confirmDeed = undefined;
  });
}

/** @param {Deed} deed */
export async function operate(deed) {
  const mine = new AbortController();
  deedUnderWay?.abort();
  deedUnderWay = mine;
  confirmDeed = undefined;
  setText(byId("operate-title"), plain(deed.title));
  showDeed("Looking at what would be done", []);
  offerConfirmation(undefined);
  inputById("operate-pace").value = "";
  byId("operate-progress").hidden = true;
  setText(byId("operate-close"), "Close");
  if (!operateDialog().open) operateDialog().showModal();
  byId("operate-title").focus();
  const seen = await doDeed(deed.path, { ...deed.body, dry_run: true }, () => {}, mine.signal);
  if (deedUnderWay !== mine) return;
  if (seen.problem !== undefined) return showDeed(problemText(seen.problem), []);
  const { what, notes = [], amount, go } = deed.foresee(seen.result);
  showDeed(what, notes);
  if (amount === 0) return;
  offerConfirmation(go, deed.pace !== undefined);
  confirmDeed = () => perform(deed, amount, mine);
}

/**
 * @param {Deed} deed
 * @param {number} amount
 * @param {AbortController} mine
 */
async function perform(deed, amount, mine) {
  confirmDeed = undefined;
  const pace = inputById("operate-pace").valueAsNumber;
  const body = deed.pace === undefined || Number.isNaN(pace)
    ? deed.body
    : { ...deed.body, [deed.pace]: pace };
  offerConfirmation(undefined);
  setText(byId("operate-close"), "Stop");
  const bar = byId("operate-progress");
  bar.hidden = false;
  bar.setAttribute("max", String(amount));
  bar.setAttribute("value", "0");
  showDeed("Begun", []);
  const end = await doDeed(deed.path, body, (progress) => {
    const { text, done } = deed.tell(progress);
    setText(byId("operate-what"), text);
    bar.setAttribute("value", String(done));
  }, mine.signal);
  if (deedUnderWay !== mine) return;
  bar.hidden = true;
  setText(byId("operate-close"), "Close");
  if (end.problem !== undefined) return showDeed(problemText(end.problem), []);
  const { what, notes = [] } = deed.conclude(end.result);
  showDeed(what, notes);
  byId("operate-close").focus();
}

/**
 * The button that confirms, and beside it how fast it may go; without words there is nothing to confirm.
 * @param {string | undefined} go
 * @param {boolean} [paced]
 */
function offerConfirmation(go, paced = false) {
  byId("operate-go").hidden = go === undefined;
  byId("operate-paced").hidden = !paced;
  inputById("operate-pace").disabled = !paced;
  setText(byId("operate-go"), go ?? "");
}

/**
 * @param {string} what
 * @param {readonly Note[]} notes
 */
function showDeed(what, notes) {
  setText(byId("operate-what"), plain(what));
  byId("operate-notes").replaceChildren(...notes.map(noteItem));
}

/** @param {Note} note */
function noteItem(note) {
  if (typeof note === "string") return make("li", { text: plain(note) });
  const button = make("button", { className: "link", text: plain(note.choose) });
  button.addEventListener("click", () => operate(note.deed));
  return make("li", { children: [make("p", { text: plain(note.text) }), button] });
}

/** @returns {HTMLDialogElement} */
function operateDialog() {
  const element = byId("operate");
  if (!(element instanceof HTMLDialogElement)) throw new Error("the page has no dialog");
  return element;
}
