import { pendingNote } from "./answer.js";
import { el, place, policyLink, remark } from "./dom.js";

const NO_RULE = "政策库中没有适用于您所在地区的学时规定，因此不计算还差多少，也不套用其他地方的规定。";
/** Only a picture of the figures beside it, so not for screen readers. */
const bar = (value, max) => el("progress", { value: Math.min(value, max), max, "aria-hidden": "true" });

/** What the card of the asker's own progress says. */
export function progressParts({ outcome, calculation: made, citations }) {
  if (!made) return [remark(outcome === "no_rule" ? NO_RULE : "进度暂时算不出来，请稍后再试。")];
  const left = made.met ? "已达到要求" : ["还差 ", el("strong", {}, made.remaining), " 学时"];
  const clauses = new Map(citations.map(({ url, locator }) => [url, policyLink(url, place(locator))]));
  return [
    el("p", { class: made.met ? "remaining met" : "remaining" }, left),
    remark(`${made.from} 至 ${made.to}，计入 ${made.counted} 学时，要求不少于 ${made.required} 学时。`),
    bar(made.counted, made.required),
    outcome === "no_records" ? remark("这一期间没有查到您的任何学时记录。") : "",
    el("ul", {}, made.categories.map(category)),
    made.pending === "0" ? "" : remark(pendingNote(made)),
    remark("依据：", [...clauses.values()].map((link, at) => [at ? "，" : "", link])),
  ];
}

function category({ category: name, required, counted, shortfall }) {
  const least = required === null ? "" : `，要求 ${required}`;
  const words = el("span", {}, name, " ", el("small", {}, `计入 ${counted}${least}`));
  if (required === null) return el("li", {}, words, remark("不单列"));
  const short = shortfall !== "0";
  const state = el("span", { class: short ? "short" : "met" }, short ? `还差 ${shortfall}` : "已达到");
  return el("li", {}, words, state, bar(counted, required));
}
