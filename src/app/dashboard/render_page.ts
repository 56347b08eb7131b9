/** Puts the page together from its parts: one HTML document that asks for nothing else. It holds no data. */
import html from "./page/index.html" with { type: "text" };
import placeHtml from "./page/place.html" with { type: "text" };
import operateHtml from "./page/operate.html" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import actStyle from "./page/act.css" with { type: "text" };
import pastStyle from "./page/past.css" with { type: "text" };
import workersStyle from "./page/workers.css" with { type: "text" };
import ask from "./page/ask.js" with { type: "text" };
import books from "./page/books.js" with { type: "text" };
import client from "./page/client.js" with { type: "text" };
import deed from "./page/deed.js" with { type: "text" };
import deeds from "./page/deeds.js" with { type: "text" };
import dom from "./page/dom.js" with { type: "text" };
import format from "./page/format.js" with { type: "text" };
import history from "./page/history.js" with { type: "text" };
import hour from "./page/hour.js" with { type: "text" };
import letter from "./page/letter.js" with { type: "text" };
import lists from "./page/lists.js" with { type: "text" };
import main from "./page/main.js" with { type: "text" };
import mayOperate from "./page/may_operate.js" with { type: "text" };
import operate from "./page/operate.js" with { type: "text" };
import pipeline from "./page/pipeline.js" with { type: "text" };
import place from "./page/place.js" with { type: "text" };
import plain from "./page/plain.js" with { type: "text" };
import readModelDeeds from "./page/read_model_deeds.js" with { type: "text" };
import runs from "./page/runs.js" with { type: "text" };
import search from "./page/search.js" with { type: "text" };
import way from "./page/way.js" with { type: "text" };
import workers from "./page/workers.js" with { type: "text" };
import workersHtml from "./page/workers.html" with { type: "text" };

const styles = [style, workersStyle, pastStyle, actStyle];

/** Each before those that import from it. */
const modules = [
  ...[dom, format, plain, history, client, ask, mayOperate, deed, operate],
  ...[readModelDeeds, deeds, letter],
  ...[pipeline, workers, hour, runs, books, lists, search, way, place, main],
];

/** The document, with the nonce on its style and its script. */
export function renderPage(nonce: string): string {
  const script = modules.map(withoutModuleSyntax).join("\n");
  // Functions, because a text as replacement would have its dollar signs interpreted.
  return html
    .replace("<!-- place -->", () => placeHtml)
    .replace("<!-- operate -->", () => operateHtml)
    .replace("<!-- workers -->", () => workersHtml)
    .replace("<!-- style -->", () => `<style nonce="${nonce}">\n${styles.join("\n")}</style>`)
    .replace(
      "<!-- script -->",
      () => `<script type="module" nonce="${nonce}">\n${script}</script>`,
    );
}

/**
 * The parts are modules, so that each can be checked and linted by itself. Inline they are one module, and what they
 * import from each other is already there; a name that two of them declare is an error in the browser's test.
 */
function withoutModuleSyntax(source: string): string {
  return source.replaceAll(/^import [^;]*;\n/gm, "").replaceAll(/^export /gm, "");
}
