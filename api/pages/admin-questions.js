import { address, choice, minute } from "./admin-parts.js";
import { apart, el, remark } from "./dom.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {{question: string, asked_at: string, outcome: string, comment: ?string}} Asked */

const KINDS = { no_evidence: "没有依据", down: "评价为“没用”" };
const WHAT = {
  no_evidence: "政策库没有收录依据的提问：补充政策原文后，这些问题就能回答。",
  down: "用户评价为“没用”的回答：请核对相关政策和记录。",
};
const MOST = 100;

/** What the corpus couldn't answer, and answers that were no use; without who asked. @param {Session} session */
export async function questionsView(session, me, { kind }) {
  const chosen = Object.keys(KINDS).includes(kind) ? kind : "no_evidence";
  const { questions } = await session.call(`/v1/questions?kind=${chosen}&limit=${MOST}`);
  const go = (other) => (location.hash = address({ view: "questions", kind: other }));
  const items = questions.map((asked) => el("li", {}, item(asked)));
  return [
    choice("列出", "kind", KINDS, chosen, go),
    remark(WHAT[chosen], `不显示提问人；最多列出最近 ${MOST} 条。`),
    items.length ? el("ol", { class: "questions" }, items) : remark("近期没有这样的提问。"),
  ];
}

/** @param {Asked} asked */
function item({ question, asked_at: at, comment }) {
  return [
    el("p", {}, el("q", {}, apart(question))),
    comment ? el("p", {}, "意见：", apart(comment)) : "",
    remark(el("time", { datetime: at }, minute(at))),
  ];
}
