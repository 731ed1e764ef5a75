import { el, place } from "./dom.js";

/** The card of the asker's own progress; null for an account that is no teacher's. */
export function progressCard({ teacher_id: teacher, outcome, calculation: made, citations }) {
  if (!teacher) return null;
  const card = el("section", { class: "progress", "aria-labelledby": "progress" }, el("h2", { id: "progress" }, "我的进度"));
  if (!made) {
    const noRule = "政策库中没有适用于您所在地区的学时规定，因此不计算还差多少，也不套用其他地方的规定。您的记录仍可在对话中查询。";
    card.append(el("p", {}, outcome === "no_rule" ? noRule : "进度暂时算不出来，请稍后再试。"));
    return card;
  }
  card.append(
    made.met
      ? el("p", { class: "remaining met" }, "已达到要求")
      : el("p", { class: "remaining" }, "还差 ", el("strong", {}, made.remaining), " 学时"),
    el("p", { class: "remark" }, `${made.from} 至 ${made.to}，已计入 ${made.counted}，要求不少于 ${made.required}。`),
    bar(made.counted, made.required),
  );
  if (outcome === "no_records") card.append(el("p", {}, "这一期间没有查到您的任何学时记录。"));
  card.append(el("ul", {}, made.categories.map(categoryLine)));
  if (made.pending !== "0") {
    card.append(el("p", { class: "remark" }, `另有 ${made.pending} 学时待审核；若全部通过，还差 ${made.remaining_if_approved}。`));
  }
  card.append(el("p", { class: "basis" }, "依据：", clauses(citations)));
  return card;
}

function categoryLine({ category, required, counted, shortfall }) {
  const short = shortfall !== "0";
  const state = required === null ? "不单列最低" : short ? `还差 ${shortfall}` : "已达到";
  const figures = required === null ? `计入 ${counted}` : `计入 ${counted}，要求 ${required}`;
  return el(
    "li",
    {},
    el("span", { class: "category" }, category),
    el("span", { class: short ? "state short" : "state" }, state),
    el("span", { class: "figures" }, figures),
    required === null ? null : bar(counted, required),
  );
}

/** Only a picture of the figures beside it, so hidden from screen readers. */
const bar = (value, max) => el("progress", { value: Math.min(value, max), max, "aria-hidden": "true" });

/** Links to the clauses that the card rests on, each once. */
function clauses(citations) {
  const once = new Map(citations.map((citation) => [citation.url, citation]));
  return [...once.values()].map(({ url, title, locator }, at) => [
    at ? "；" : "",
    el("a", { href: url, target: "_blank", rel: "noopener", title: `《${title}》` }, place(locator)),
  ]);
}
