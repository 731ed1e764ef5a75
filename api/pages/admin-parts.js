import { el, remark, table } from "./dom.js";

/** Rows that are shown of a long list; the rest is found by filter or in the exported file. */
const MOST = 200;
/** What stands where there is no figure, which is never the same as nought. */
export const NONE = "—";

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A bar as long as a share, 0 to 1: a picture of the figure that stands beside it as text. @param {number} share */
export function bar(share) {
  const whole = svg("svg", { class: "bar", "aria-hidden": "true", focusable: "false" });
  whole.append(svg("rect", { width: `${share * 100}%`, height: "100%" }));
  return whole;
}

/** A share, such as "0.0999", in percent: the point is moved, nothing rounded. A fraction, "1/3", stays one. */
export function percent(share) {
  if (share.includes("/")) return share;
  const [whole, decimals = ""] = share.split(".");
  const [moved, left] = [decimals.padEnd(2, "0").slice(0, 2), decimals.slice(2)];
  return `${(whole + moved).replace(/^0+(?=\d)/, "")}${left && `.${left}`}%`;
}

/**
 * A table of at most MOST rows, which tells how many there are.
 * @param {string} caption @param {string[]} columns @param {(Node|string|number)[][]} rows
 * @param {string} empty What is said in place of a table without rows.
 */
export function listing(caption, columns, rows, empty) {
  if (!rows.length) return remark(`${caption}：${empty}`);
  const cut = rows.length > MOST ? `（共 ${rows.length} 行，列出前 ${MOST} 行）` : "";
  return table(caption + cut, columns, rows.slice(0, MOST));
}

/** The fragment that shows a view of the page; what isn't given is left out. */
export function address(state) {
  const given = Object.entries(state).filter(([, value]) => value);
  return `#${new URLSearchParams(given)}`;
}

/** A choice among a few, as radio buttons in a group. @param {Object<string, string>} options Titles by value. */
export function choice(title, name, options, chosen, change) {
  const items = Object.entries(options).map(([value, words]) => {
    const input = el("input", { type: "radio", name, value, id: `${name}-${value}`, checked: value === chosen });
    input.addEventListener("change", () => change(value));
    return el("label", { for: input.id }, input, words);
  });
  return el("fieldset", { class: "choice" }, el("legend", {}, title), items);
}

/** A time as the server writes it, to the minute. */
export const minute = (time) => time.slice(0, 16).replace("T", " ");
