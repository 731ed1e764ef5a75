import { bringTo, button, details, el, paragraphs, place, table, textKind } from "./dom.js";

const OUTCOMES = {
  no_evidence: "政策库未收录",
  no_rule: "当地没有学时规定",
  no_records: "期间内没有记录",
  not_permitted: "不在可查看范围",
  clarify: "请补充说明",
  out_of_scope: "不在问答范围",
  unavailable: "暂不可用",
};
const WHY = {
  cap: "超过登记上限",
  pending: "待审核",
  rejected: "已驳回",
  outside_period: "不在核算期间内",
  unclassified: "科目类别无法对应",
  duplicate: "重复登记",
};
const PLAN = ["科目类别", "学时", "组织单位", "项目", "依据"];

/** The parts of one answer, conclusion first. */
export function answerParts(answer) {
  const { cite, list } = citations(answer.citations);
  return [
    OUTCOMES[answer.outcome] ? el("p", { class: "outcome" }, OUTCOMES[answer.outcome]) : null,
    paragraphs(answer.text).map((line) => el("p", { class: "conclusion" }, withMarks(line, cite))),
    answer.calculation ? calculation("核算结果", answer.calculation, cite, true) : null,
    answer.projection ? projection(answer.projection, cite) : null,
    answer.plan && answer.plan.length ? table("补学计划", PLAN, answer.plan.map((item) => planRow(item, cite))) : null,
    answer.tables.map((given) => givenTable(given, cite)),
    list,
  ];
}

/** Text whose marks `[^1]` have become citation buttons. */
const withMarks = (text, cite) => text.split(/\[\^([^\]]+)\]/).map((part, at) => (at % 2 ? cite(part) : part));

/** The list of citations, and `cite`, which makes the button that leads to one of them. */
function citations(given) {
  const items = new Map(given.map((citation) => [citation.id, citationItem(citation)]));
  const cite = (id) => {
    // A mark is only clickable if the answer brought the citation it speaks of.
    if (!items.has(id)) return id ? `[${id}]` : "";
    return button(id, (event) => items.get(id).show(event.currentTarget), { class: "cite", "aria-label": `依据 ${id}` });
  };
  const nodes = [...items.values()].map((item) => item.node);
  const list = nodes.length ? el("section", { class: "sources" }, el("h3", {}, "依据"), el("ol", {}, nodes)) : null;
  return { cite, list };
}

function citationItem(citation) {
  let from = null;
  const back = button("返回原处", () => bringTo(from, "center"), { class: "quiet", hidden: true });
  const link = { href: citation.url, target: "_blank", rel: "noopener" };
  const node = el(
    "li",
    { tabindex: -1 },
    el(
      "p",
      { class: "source" },
      el("span", { class: "mark" }, citation.id),
      `《${citation.title}》${citation.number || ""} `,
      el("span", { class: "place" }, place(citation.locator)),
      el("span", { class: "kind" }, textKind(citation.text)),
    ),
    el("blockquote", {}, paragraphs(citation.quote).map((line) => el("p", {}, line))),
    el("p", { class: "links" }, el("a", link, "查看条款", el("span", { class: "unseen" }, "（新标签页）")), back),
  );
  const show = (button) => {
    from = button;
    back.hidden = false;
    for (const other of node.parentNode.children) other.classList.toggle("marked", other === node);
    bringTo(node, "center");
  };
  return { node, show };
}

function calculation(title, made, cite, open) {
  const rows = made.categories.map((line) => [
    line.category,
    line.required === null ? "不单列" : line.required,
    line.recorded,
    line.counted,
    line.required === null ? "—" : line.shortfall,
    cite(line.citation),
  ]);
  rows.push(["合计", made.required, "", made.counted, made.remaining, ""]);
  const columns = ["科目类别", "要求", "已审核", "计入", "还差", "依据"];
  const left = made.not_counted.map((part) => [`${part.hours} 学时，${WHY[part.why]}`, cite(part.citation), part]);
  return el(
    "section",
    {},
    table(`${title}（学时，${made.from} 至 ${made.to}）`, columns, rows, { head: true, foot: true }),
    made.carried_forward ? el("p", { class: "remark" }, "所依据的规定已过有效期，没有新的规定，暂按原规定核算。") : null,
    made.pending === "0"
      ? null
      : el("p", { class: "remark" }, `另有 ${made.pending} 学时待审核，没有计入；若全部通过，还差 ${made.remaining_if_approved} 学时。`),
    left.length
      ? details("没有计入的学时", open, el("ul", {}, left.map(([text, mark, part]) => el("li", {}, text, mark, records(part)))))
      : null,
    details(
      `核算过程（${made.steps.length} 步）`,
      false,
      el("ol", {}, made.steps.map((step) => el("li", {}, step.text, cite(step.citation), records(step)))),
    ),
  );
}

/** Which records a part rests on: a few are named at once, many on demand. */
function records({ record_ids: ids }) {
  if (!ids.length) return null;
  const names = ids.join("、");
  return ids.length < 4 ? el("span", { class: "records" }, names) : details(`${ids.length} 条记录`, false, el("p", {}, names));
}

function projection(made, cite) {
  const assumed = made.assumed.map(
    ({ category, organiser, hours }) => `${category} ${hours} 学时（${organiser || "没有登记上限的来源"}）`,
  );
  return el(
    "section",
    { class: "projection" },
    el("h3", {}, "假设之后"),
    el("p", {}, `假设再取得并审核通过：${assumed.join("、")}。以下不是实际记录。`),
    calculation("假设之后的核算", made, cite, false),
  );
}

function planRow({ category, hours, organiser, title, citation }, cite) {
  return [category, hours, organiser || "不限", title || "不限", cite(citation)];
}

function givenTable({ caption, columns, rows, total_rows: total }, cite) {
  if (!rows.length) return el("p", { class: "remark" }, `${caption}：没有符合的记录。`);
  const cells = rows.map((row) => row.map((cell) => (cell.includes("[^") ? withMarks(cell, cite) : cell)));
  const cut = total > rows.length ? `（共 ${total} 行，列出前 ${rows.length} 行）` : "";
  return table(caption + cut, columns, cells);
}
