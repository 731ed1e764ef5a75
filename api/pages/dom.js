/**
 * An element. Strings become text and functions listeners, so nothing from the server can become markup or script.
 * @param {string} tag
 * @param {Object<string, unknown>} attributes false: left out
 * @param {...(Node | string | Array)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity));
  return node;
}

/** Text of somebody's: no control character in it turns round what stands beside it. */
export const apart = (text) => el("bdi", {}, text);
export const button = (label, click, attributes) => el("button", { type: "button", click, ...attributes }, label);
export const details = (summary, open, ...children) => el("details", { open }, el("summary", {}, summary), children);
export const lines = (text) => text.split(/\n+/).filter(Boolean).map((line) => el("p", {}, line));
export const remark = (...text) => el("p", { class: "remark" }, text);

/** A table in a region of its own that scrolls sideways, by keyboard too. Rows are of strings, nodes or both. */
export function table(caption, columns, rows, attributes) {
  const numeric = columns.map((_, at) => rows.some((row) => /^\d+(\.\d+)?%?$/.test(row[at])));
  const parts = (content) => [content].flat().map((part) => (part.nodeType ? part : apart(part)));
  const cell = (tag, content, at, scope = false) =>
    el(tag, { scope, class: numeric[at] ? "number" : false }, parts(content));
  const line = (row) => row.map((content, at) => (at ? cell("td", content, at) : cell("th", content, at, "row")));
  const head = el("thead", {}, el("tr", {}, columns.map((name, at) => cell("th", name, at, "col"))));
  const body = rows.map((row) => el("tr", {}, line(row)));
  const whole = el("table", attributes, el("caption", {}, caption), head, el("tbody", {}, body));
  return el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": caption }, whole);
}

export function bringTo(node, block) {
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block });
}

/** A locator in words: `0` is the text before the first number, `尾` the text after the last clause. */
export const place = (locator) => locator.replace(/(^|\/)0$/, "$1开头").replace(/(^|\/)尾$/, "$1结尾");

/** A link to a page of our server, in a tab of its own that may borrow our token; the conversation stays open. */
export const pageLink = (href, label, newTab, attributes) =>
  el("a", { href, target: "_blank", rel: "opener", ...attributes }, label, el("span", { class: "unseen" }, newTab));
