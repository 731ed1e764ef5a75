/**
 * An element with attributes and children. Children that are strings become text nodes and functions become listeners:
 * nothing that the server sends can turn into markup or script.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null));
  return node;
}

export function button(label, click, attributes = {}) {
  return el("button", { type: "button", click, ...attributes }, label);
}

export function details(summary, open, ...children) {
  return el("details", { open }, el("summary", {}, summary), ...children);
}

export const paragraphs = (text) => text.split(/\n+/).filter(Boolean);

const isNumber = (cell) => /^\d+(\.\d+)?%?$/.test(cell);

/** A table that scrolls sideways on its own, reachable by keyboard. `head`: whether each row begins with its heading. */
export function table(caption, columns, rows, { head = false, foot = false } = {}) {
  const numeric = columns.map((_, at) => rows.some((row) => isNumber(row[at])));
  const cell = (tag, content, at, scope = null) => el(tag, { class: numeric[at] ? "number" : null, scope }, content);
  const line = (row) =>
    el("tr", {}, row.map((content, at) => (head && at === 0 ? cell("th", content, at, "row") : cell("td", content, at))));
  return el(
    "div",
    { class: "scroll", role: "region", tabindex: 0, "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, columns.map((name, at) => cell("th", name, at, "col")))),
      el("tbody", {}, (foot ? rows.slice(0, -1) : rows).map(line)),
      foot ? el("tfoot", {}, line(rows[rows.length - 1])) : null,
    ),
  );
}

/** Move focus and eyes to a node that a click asked for. */
export function bringTo(node, block) {
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block });
}

/** Say something to a screen reader; what is seen stands elsewhere. */
export function say(text) {
  document.getElementById("status").textContent = text;
}

/** A locator for reading: text before the first number is `0` in the data, text after the last clause is `尾`. */
export function place(locator) {
  return locator.replace(/(^|\/)0$/, "$1开头").replace(/(^|\/)尾$/, "$1结尾");
}

export const textKind = (kind) => (kind === "original" ? "原文" : "摘要");
