import { bringTo, button, details, el, kind, lines, place, policyLink, remark, table } from "./dom.js";

const OUTCOMES = {
  no_evidence: "政策库未收录", no_rule: "当地没有学时规定", no_records: "期间内没有记录",
  not_permitted: "不在可查看范围", clarify: "请补充说明", out_of_scope: "不在问答范围", unavailable: "暂不可用",
};
const WHY = {
  cap: "超过登记上限", pending: "待审核", rejected: "已驳回",
  outside_period: "不在核算期间内", unclassified: "科目类别无法对应", duplicate: "重复登记",
};
const SUMS = ["科目类别", "要求", "已审核", "计入", "还差", "依据"];
const PLAN = ["科目类别", "学时", "组织单位", "项目", "依据"];

/** The parts of one answer, conclusion first. */
export function answerParts({ outcome, text, citations, calculation: made, projection, plan, tables }) {
  const { cite, list } = cited(citations);
  const parts = text.split(/\n+/).map((line) => el("p", { class: "conclusion" }, marked(line, cite)));
  if (OUTCOMES[outcome]) parts.unshift(el("p", { class: "outcome" }, OUTCOMES[outcome]));
  if (made) parts.push(calculation("核算结果", made, cite, !projection));
  if (projection) parts.push(assumption(projection, cite));
  const step = ({ category, hours, organiser, title, citation }) =>
    [category, hours, organiser || "不限", title || "不限", cite(citation)];
  if (plan && plan.length) parts.push(table("补学计划", PLAN, plan.map(step)));
  return [...parts, ...tables.map((given) => listing(given, cite)), list];
}

/** Text whose marks `[^1]` have become citation buttons. */
const marked = (text, cite) => text.split(/\[\^([^\]]+)\]/).map((part, at) => (at % 2 ? cite(part) : part));

/** The list of citations, and `cite`: the button that leads to one. A mark without its citation stays plain text. */
function cited(citations) {
  const items = new Map(citations.map((citation) => [citation.id, citationItem(citation)]));
  const show = (item, from) => {
    items.forEach((other) => other.classList.toggle("marked", other === item));
    item.from = from; // where 回到正文 leads
    bringTo(item, "center");
  };
  const cite = (id) => {
    const click = ({ currentTarget }) => show(items.get(id), currentTarget);
    return items.has(id) ? button(id, click, { class: "cite", "aria-label": `依据 ${id}` }) : id ? `[${id}]` : "";
  };
  const list = el("section", { class: "sources" }, el("h3", {}, "依据"), el("ol", {}, ...items.values()));
  return { cite, list: items.size ? list : "" };
}

function citationItem({ id, title, number, locator, text, quote, url }) {
  const where = [`《${title}》${number || ""} `, el("span", { class: "place" }, place(locator)), kind(text)];
  const goBack = ({ currentTarget }) => bringTo(currentTarget.closest("li").from, "center");
  const links = el("p", { class: "links" }, policyLink(url, "查看条款"), button("回到正文", goBack, { class: "quiet" }));
  const source = el("p", {}, el("span", { class: "mark" }, id), where);
  return el("li", { tabindex: -1 }, source, el("blockquote", {}, lines(quote)), links);
}

/** `open`: whether what was not counted is unfolded. */
function calculation(title, made, cite, open) {
  const rows = made.categories.map(({ category, required, recorded, counted, shortfall, citation }) => {
    const [least, short] = required === null ? ["不单列", "—"] : [required, shortfall];
    return [category, least, recorded, counted, short, cite(citation)];
  });
  rows.push(["合计", made.required, "", made.counted, made.remaining, ""]);
  const parts = [table(`${title}（${made.from} 至 ${made.to}，单位：学时）`, SUMS, rows, { class: "sums" })];
  if (made.carried_forward) parts.push(remark("所依据的规定已过有效期，没有新的规定，暂按原规定核算。"));
  if (made.pending !== "0") parts.push(remark(pendingNote(made)));
  const item = (text, part) => el("li", {}, text, cite(part.citation), records(part.record_ids));
  const left = made.not_counted.map((part) => item(`${part.hours} 学时：${WHY[part.why]}`, part));
  if (left.length) parts.push(details("没有计入的学时", open, el("ul", {}, left)));
  const steps = made.steps.map((step) => item(step.text, step));
  return el("section", {}, parts, details(`核算过程（${steps.length} 步）`, false, el("ol", {}, steps)));
}

export const pendingNote = ({ pending, remaining_if_approved: left }) =>
  `另有 ${pending} 学时待审核，没有计入；若全部通过，还差 ${left} 学时。`;

/** The records that something rests on: a few are named at once, many on demand. */
function records(ids) {
  const names = el("span", { class: "records" }, ids.join("、"));
  return ids.length < 4 ? names : details(`${ids.length} 条记录`, false, names);
}

function assumption(made, cite) {
  const say = ({ category, organiser, hours }) => `${category}${organiser ? `（${organiser}）` : ""} ${hours} 学时`;
  const note = el("p", {}, `假设再取得并审核通过：${made.assumed.map(say).join("、")}。以下不是实际记录。`);
  return el("section", { class: "projection" }, el("h3", {}, "假设之后"), note, calculation("假设之后", made, cite, false));
}

function listing({ caption, columns, rows, total_rows: total }, cite) {
  if (!rows.length) return remark(`${caption}：没有。`);
  const cells = rows.map((row) => row.map((cell) => (cell.includes("[^") ? marked(cell, cite) : cell)));
  const cut = total > rows.length ? `（共 ${total} 行，列出前 ${rows.length} 行）` : "";
  return table(caption + cut, columns, cells);
}
