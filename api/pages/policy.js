import { bringTo, details, el, kind, lines, place } from "./dom.js";

const DIGEST = "逐条改写的摘要，不是原文；正式引用时请以发文机关公布的原文为准。";
const depth = (locator) => Math.min(locator.split("/").length, 3);

/** A policy with its clauses. Each clause's id is its locator, which is what the address's fragment names. */
export function policyPage({ title, clauses, text, effective_from: from, effective_to: to, ...policy }) {
  document.querySelector("h1").textContent = title;
  document.title = `${title} - 学时通`;
  const facts = [
    ["发文机关", policy.issuer],
    ["文号", policy.number || "未知"],
    ["发文日期", policy.issued_on || "未知"],
    ["有效期", to ? `${from} 至 ${to}` : `${from} 起，没有写明截止日期`],
    ["适用地区", policy.unit.split("/").join(" ")],
    ["来源", policy.source],
  ].map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]);
  const entries = clauses.map(({ locator, heading }) => {
    const link = el("a", { href: `#${encodeURIComponent(locator)}` }, place(locator), "　", heading);
    return el("li", { class: `depth-${depth(locator)}` }, link);
  });
  const notice = el("p", { class: "notice" }, kind(text), text === "original" ? "以下为文件原文。" : DIGEST);
  const contents = el("nav", { "aria-label": "目录" }, details(`目录（${entries.length} 条）`, false, el("ol", {}, entries)));
  const missing = el("p", { class: "error", id: "missing" });
  const back = el("p", {}, el("a", { href: "/" }, "返回提问"));
  return el("article", { class: "policy" }, back, notice, el("dl", {}, facts), contents, missing, clauses.map(section));
}

function section({ locator, heading, text }) {
  const title = el(`h${depth(locator) + 1}`, {}, el("span", { class: "place" }, place(locator)), heading);
  return el("section", { class: "clause", id: locator, tabindex: -1 }, title, lines(text));
}

/** Mark the clause that the address names and go there. */
export function goToClause() {
  let locator = location.hash.slice(1);
  try {
    locator = decodeURIComponent(locator);
  } catch (_) {} // a stray % sign: take it as it stands
  const target = document.getElementById(locator);
  document.querySelectorAll(".clause").forEach((clause) => clause.classList.toggle("marked", clause === target));
  const note = !locator || target ? "" : `这份政策中没有编号为“${locator}”的条款，以下列出全部条款。`;
  document.getElementById("missing").textContent = note;
  if (target) bringTo(target, "start");
}
