import { bringTo, el, paragraphs, place, textKind } from "./dom.js";

const DIGEST = "这里是逐条改写的摘要，不是原文；引用时请以发文机关公布的原文为准。";
const ORIGINAL = "这里是原文。";

/** A policy with its clauses; each clause's id is its locator, which is what the address's fragment names. */
export function policyView(policy) {
  const { effective_from: from, effective_to: to } = policy;
  const facts = [
    ["文号", policy.number || "未知"],
    ["发文机关", policy.issuer],
    ["发文日期", policy.issued_on || "未知"],
    ["适用地区", policy.unit.split("/").join(" ")],
    ["有效期", to ? `${from} 至 ${to}` : `${from} 起，没有写明截止日期`],
    ["来源", policy.source],
  ];
  const contents = policy.clauses.map(({ locator, heading }) =>
    el("li", { class: `depth-${depth(locator)}` }, el("a", { href: `#${encodeURIComponent(locator)}` }, name(locator, heading))),
  );
  return el(
    "article",
    { class: "policy" },
    el("p", {}, el("a", { href: "/" }, "返回提问")),
    el("p", { class: "notice" }, el("span", { class: "kind" }, textKind(policy.text)), policy.text === "original" ? ORIGINAL : DIGEST),
    el("dl", {}, facts.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)))),
    el("nav", { "aria-label": "目录" }, el("details", {}, el("summary", {}, `目录（${contents.length} 条）`), el("ol", {}, contents))),
    el("p", { class: "error", id: "missing", hidden: true }),
    policy.clauses.map(clause),
  );
}

const depth = (locator) => Math.min(locator.split("/").length, 3);
const name = (locator, heading) => `${place(locator)}　${heading}`.trim();

function clause({ locator, heading, text }) {
  return el(
    "section",
    { class: "clause", id: locator, tabindex: -1 },
    el(`h${depth(locator) + 1}`, {}, el("span", { class: "place" }, place(locator)), heading),
    paragraphs(text).map((line) => el("p", {}, line)),
  );
}

/** Mark the clause that the address names and go there. */
export function goToClause() {
  const locator = decoded(location.hash.slice(1));
  const target = locator && document.getElementById(locator);
  const missing = document.getElementById("missing");
  for (const node of document.querySelectorAll(".clause")) node.classList.toggle("marked", node === target);
  missing.hidden = !locator || Boolean(target);
  missing.textContent = missing.hidden ? "" : `这份政策中没有编号为“${locator}”的条款，以下是全部条款。`;
  if (target) bringTo(target, "start");
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (_) {
    return text; // a stray % sign
  }
}
