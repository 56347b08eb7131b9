/** Lets nobody press what would be refused: says why, and asks again from time to time. The server decides all the same. */
import { problemText } from "./ask.js";
import { getJson } from "./client.js";
import { byId, setText } from "./dom.js";
import { plain } from "./plain.js";

const askAgainMs = 10_000;

/** @type {import("../dashboard_data.ts").Operating | undefined} */
let operating;
let askedAt = -Infinity;

/** @param {boolean} [now] also where it was asked a moment ago: there is another token */
export async function lookWhetherMayOperate(now = false) {
  if (!now && performance.now() - askedAt < askAgainMs) return;
  askedAt = performance.now();
  try {
    operating = await getJson("/dashboard/operating.json");
  } catch {
    // Why it does not answer stands at the top of the page; what was known is asked again.
    return;
  }
  showWhetherMayOperate();
}

/** Again after each change of the page: buttons come and go with what they are for. */
export function showWhetherMayOperate() {
  const may = operating?.may === true;
  for (const button of document.querySelectorAll("button[data-operates]")) {
    button.toggleAttribute("disabled", !may);
    if (may) button.removeAttribute("aria-describedby");
    else button.setAttribute("aria-describedby", "operating");
  }
  const notice = byId("operating");
  notice.hidden = may || operating === undefined;
  const why = operating?.problem ? `. ${problemText(operating.problem)}.` : "";
  setText(notice, plain(`Nothing can be sent back, unparked or rebuilt from here${why}`));
}
