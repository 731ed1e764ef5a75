import { answerNode } from "./answer.js";
import { apart, el, place, remark, table } from "./dom.js";
import { atTop, error, openPage, otherPage, wayBack } from "./page.js";

const STOPPED = "这个回答在中途停止，以下是停止前的内容，不完整。";
const NO_RECORDS = "这个回答没有用到学时记录。";

openPage(async (session) => {
  const [, id] = /^\/answers\/([^/]+)/.exec(location.pathname);
  const receipt = await session.call(`/v1/answers/${id}`);
  return { title: "回答的凭据", parts: [receiptView(receipt)], shown: atTop };
});

/** How an answer was made: all of it unfolded, since a receipt is read whole, and printed. */
function receiptView({ question, asked_at: asked, answer, stopped, records, rule_sets: rules, clauses, id }) {
  const node = answerNode(answer);
  node.querySelectorAll("details").forEach((folded) => (folded.open = true));
  return el("article", { class: "receipt" },
    el("p", { class: "links" }, wayBack()),
    el("dl", {}, el("dt", {}, "提问时间"), el("dd", {}, time(asked)), el("dt", {}, "回答编号"), el("dd", {}, id)),
    el("h2", {}, "问题"), el("p", { class: "asked" }, apart(question)),
    el("h2", {}, "回答"), stopped ? error(STOPPED) : "", node,
    el("h2", {}, "所用的记录"), recordTable(records), outside(answer),
    el("h2", {}, "所用的规则"), ruleTable(rules),
    el("h2", {}, "所引的条款"), clauseTable(clauses),
    remark("记录、规则和条款都是作答当时的状态；SHA-256 用来核对文字是否与作答时相同。"));
}

/** A time as the server writes it, to the second. */
const time = (text) => text.slice(0, 19).replace("T", " ");
const hash = (sha256) => (sha256 ? el("span", { class: "hash" }, sha256) : "没有留存");

function recordTable(records) {
  if (!records.length) return remark(NO_RECORDS);
  const columns = ["记录编号", "项目", "科目类别", "组织单位", "学时", "完成日期", "审核状态", "驳回原因"];
  const rows = records.map((one) => [
    one.record_id, one.title, one.category, one.organiser || "—", one.hours, one.completed_on,
    one.status, one.reason || "",
  ]);
  return table(`${records.length} 条记录`, columns, rows);
}

/** Records of other periods were looked at and left out: the answer has their numbers. */
const outside = ({ calculation: made }) =>
  made && made.not_counted.some(({ why }) => why === "outside_period")
    ? remark("不在核算期间内的记录没有用到，这里不列；编号在“没有计入的学时”中。") : "";

function ruleTable(rules) {
  if (!rules.length) return remark("这个回答没有用到学时规则。");
  const rows = rules.map(({ policy_id: policy, title, from, to, carried_forward: carried, sha256 }) => [
    otherPage(`/policies/${encodeURIComponent(policy)}`, `《${title}》`), `${from} 至 ${to}`,
    carried ? "有效期已过，没有新的规定，沿用" : "有效", hash(sha256),
  ]);
  return table("规则及其版本", ["政策", "核算期间", "效力", "版本（SHA-256）"], rows);
}

function clauseTable(clauses) {
  if (!clauses.length) return remark("这个回答没有引用条款。");
  const rows = clauses.map(({ citation, title, locator, policy_id: policy, sha256, policy_sha256: version }) => {
    const href = `/policies/${encodeURIComponent(policy)}#${encodeURIComponent(locator)}`;
    return [citation, otherPage(href, `《${title}》${place(locator)}`), hash(sha256), hash(version)];
  });
  return table("条款及其版本", ["依据", "条款", "条款文字（SHA-256）", "政策版本（SHA-256）"], rows);
}
