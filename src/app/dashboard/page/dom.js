/** Writes into the document. Data enters it as text and never as markup. */

/**
 * The element of that id, which must be in the page.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element "${id}"`);
  return element;
}

/**
 * The input of that id.
 * @param {string} id
 * @returns {HTMLInputElement}
 */
export function inputById(id) {
  const element = byId(id);
  if (!(element instanceof HTMLInputElement)) throw new Error(`"${id}" is no input`);
  return element;
}

/**
 * Sets an element's text, and touches nothing when it is the same: a reader's selection stays.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A new element with text or children.
 * @param {string} tag
 * @param {{ className?: string, text?: string, title?: string, children?: readonly Node[] }} [options]
 * @returns {HTMLElement}
 */
export function make(tag, { className, text, title, children } = {}) {
  const element = document.createElement(tag);
  if (className !== undefined) element.className = className;
  if (text !== undefined) element.textContent = text;
  if (title !== undefined) element.title = title;
  if (children !== undefined) element.append(...children);
  return element;
}

/** @type {WeakMap<Element, string>} */
const shown = new WeakMap();

/**
 * Fills a list or a table's body with one child a row. Rows are made anew only when something in them changed.
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} rows
 * @param {(row: T) => HTMLElement} render
 */
export function setRows(parent, rows, render) {
  const wanted = JSON.stringify(rows);
  if (shown.get(parent) === wanted) return;
  shown.set(parent, wanted);
  const focused = parent.contains(document.activeElement)
    ? document.activeElement?.textContent
    : undefined;
  parent.replaceChildren(...rows.map(render));
  if (focused) restoreFocus(parent, focused);
}

/**
 * Someone who stands on a row with the keyboard stays there when the rows move.
 * @param {Element} parent
 * @param {string} text
 */
function restoreFocus(parent, text) {
  const button = [...parent.querySelectorAll("button")].find((candidate) =>
    candidate.textContent === text
  );
  button?.focus({ preventScroll: true });
}
