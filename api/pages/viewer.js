import { details, el, place } from "./dom.js";
import { atTop, error, openPage, say, wayBack } from "./page.js";

/** @typedef {{locator: string, heading: string, text: string}} Clause */
/** @typedef {{kind: string, line: number, before: string, after: string, inferred: string, locator: ?string}} Repair */

const DIGEST = "逐条改写的摘要，不是原文；正式引用时请以发文机关公布的原文为准。";
const STALE = "要标出的引文与这一条现在的文字不符（条款可能已经更新），因此没有标出。";
const depth = (locator) => Math.min(locator.split("/").length, 3);
/** A clause's id is its locator, percent-encoded, which is also how a fragment names it. */
const anchor = (locator) => encodeURIComponent(locator);
const kind = (words) => el("span", { class: "kind" }, words);

openPage(async (session) => {
  const [, id] = /^\/policies\/([^/]+)/.exec(location.pathname);
  const [policy, notes] = await Promise.all(["", "/notes"].map((more) => session.call(`/v1/policies/${id}${more}`)));
  return { title: policy.title, parts: [policyView(policy, notes)], shown: goToClause };
});
window.addEventListener("hashchange", goToClause);

/** A policy, with the passage marked that the address quotes. */
function policyView({ clauses, ...policy }, notes) {
  const [locator, quote] = [wanted(), new URLSearchParams(location.search).get("quote")];
  const sections = clauses.map((clause) => section(clause, policy, notes, clause.locator === locator ? quote : null));
  return el("article", { class: "policy" },
    el("p", { class: "links" }, wayBack()),
    notice(policy, notes),
    el("dl", {}, facts(policy, notes)),
    repairList("条款以外的修补", notes.repairs.filter((repair) => repair.locator === null)),
    contents(clauses),
    el("p", { class: "error", id: "missing" }),
    sections);
}

function notice({ text }, { repairs, digest }) {
  if (text === "digest") return el("p", { class: "notice" }, kind("摘要"), DIGEST);
  const mended = repairs.length ? `读入时修补了 ${repairs.length} 处，各处可展开查看。` : "";
  const lacking = digest.length ? `原文缺少的 ${digest.length} 条仍为本库摘要，已逐条注明。` : "";
  return el("p", { class: "notice" }, kind("原文"), "以下为文件原文。", mended, lacking);
}

function facts(policy, { as_of: today, replaced_on: replaced, warnings }) {
  const { effective_from: from, effective_to: to } = policy;
  const until = to ? `${from} 至 ${to}` : `${from} 起，没有写明截止日期`;
  const ended = (to && to < today) || (replaced && replaced <= today);
  const state = from > today ? "尚未施行" : ended ? "已不再有效" : "有效";
  const rows = [
    ["发文机关", policy.issuer],
    ["文号", policy.number || "未知"],
    ["发文日期", policy.issued_on || "未知"],
    ["有效期", `${until}${replaced ? `；${replaced} 起由新的规定取代` : ""}（${today}：${state}）`],
    ["适用地区", policy.unit.split("/").join(" ")],
    ["来源", policy.source],
    ["未收录", policy.absent.join("、")],
    ["请注意", warnings.join("；")],
  ];
  return rows.filter(([, value]) => value).map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]);
}

function contents(clauses) {
  const items = clauses.map(({ locator, heading }) => {
    const link = el("a", { href: `#${anchor(locator)}` }, place(locator), "　", heading);
    return el("li", { class: `depth-${depth(locator)}` }, link);
  });
  const wide = matchMedia("(min-width: 60rem)").matches;
  const list = details(`目录（${items.length} 条）`, wide, el("ol", {}, items));
  return el("nav", { class: "contents", "aria-label": "目录" }, list);
}

/** A clause; `quote`: the part of it to mark. */
function section({ locator, heading, text }, policy, { digest, repairs }, quote) {
  const start = quote ? text.indexOf(quote) : -1;
  const inHeading = Boolean(quote) && start < 0 && !text && heading === quote;
  const title = el(`h${depth(locator) + 1}`, {},
    el("span", { class: "place" }, place(locator)), " ",
    inHeading ? el("mark", {}, heading) : heading,
    policy.text === "original" && digest.includes(locator) ? kind("摘要，原文没有这一条") : "");
  return el("section", { class: "clause", id: anchor(locator), tabindex: -1 },
    title,
    quote && start < 0 && !inHeading ? error(STALE) : "",
    start < 0 ? paragraphs(text, 0, 0) : paragraphs(text, start, start + quote.length),
    repairList("这一条的修补", repairs.filter((repair) => repair.locator === locator)));
}

/** The paragraphs of a text, with what stands from `start` to `end` marked, over several of them too. */
function paragraphs(text, start, end) {
  return [...text.matchAll(/[^\n]+/g)].map(({ 0: line, index }) => {
    const from = Math.min(Math.max(start - index, 0), line.length);
    const to = Math.min(Math.max(end - index, from), line.length);
    const marked = from < to ? [el("mark", {}, line.slice(from, to))] : [];
    return el("p", {}, line.slice(0, from), marked, line.slice(to));
  });
}

/** Repairs on demand: what stood there, and what stands there now. @param {Repair[]} repairs */
function repairList(title, repairs) {
  if (!repairs.length) return "";
  const items = repairs.map(({ kind: what, line, before, after, inferred }) =>
    el("li", {},
      `原文件第 ${line} 行，${what}：`,
      el("del", {}, before || "（空）"), " 改为 ", el("ins", {}, after || "（删去）"),
      inferred ? `；其中“${inferred}”是推断的` : ""));
  return details(`${title}（${repairs.length} 处）`, false, el("ul", { class: "repairs" }, items));
}

/** The locator that the address names. */
function wanted() {
  const fragment = location.hash.slice(1);
  try {
    return decodeURIComponent(fragment);
  } catch (_) {
    return fragment; // a stray % sign: take it as it stands
  }
}

/** Mark the clause that the address names, and go there. */
function goToClause() {
  const missing = document.getElementById("missing");
  if (!missing) return; // nothing is open yet
  const [locator, clauses] = [wanted(), [...document.querySelectorAll(".clause")]];
  // Among the clauses alone: ids of the page itself are no locators.
  const target = clauses.find(({ id }) => id === anchor(locator));
  clauses.forEach((clause) => clause.classList.toggle("marked", clause === target));
  missing.textContent = !locator || target ? "" : `这份政策中没有编号为“${locator}”的条款，以下列出全部条款。`;
  say(missing.textContent);
  if (!target) return atTop();
  target.focus({ preventScroll: true });
  const passage = target.querySelector("mark");
  if (passage) passage.scrollIntoView({ block: "center" });
  else target.scrollIntoView();
}
