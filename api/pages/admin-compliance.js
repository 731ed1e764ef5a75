import { address, bar, choice, listing, NONE, percent } from "./admin-parts.js";
import { reminders } from "./admin-reminders.js";
import { button, el, place } from "./dom.js";
import { error, explain, otherPage, say } from "./page.js";

/** @typedef {import("./session.js").Session} Session */

const LEVELS = { province: "省", city: "市", county: "县区", town: "镇街", school: "学校", teacher: "教师" };
const ORDER = Object.keys(LEVELS);
const STATUS = { met: "达到", short: "未达到", no_data: "没有数据" };
const FILTERS = { all: "全部", short: "未达标", none: "没有记录", met: "达标" };
const NO_RULE = "没有学时规定";

/**
 * How a unit stands, with what lies below it. What the address leaves out is the own unit, this year, the next level.
 * @param {Session} session @param {import("./admin.js").Me} me @param {import("./admin.js").State} state
 * @returns {Promise<(Node|string)[]>}
 */
export async function complianceView(session, me, state) {
  const [report, { policies }, { sign_in: wecom }] = await Promise.all(
    [fetched(session, state), session.call("/v1/policies"), session.call("/v1/session")]);
  const titles = new Map(policies.map(({ id, title }) => [id, `《${title}》`]));
  return [
    breadcrumb(me.unit, report),
    controls(report),
    basis(report, titles),
    summary(report),
    exports(session, report),
    report.level === "teacher" ? roster(report) : units(report),
    wecom && report.as_of.startsWith(`${report.year}-`) && report.totals.short ? reminders(session, report.unit) : "",
    checks(report, titles),
  ];
}

/** The report that is asked for; where no level is, that of the nearest level below the unit that has units. */
async function fetched(session, { unit, year, level }) {
  const get = (at) => session.call(`/v1/compliance?${query({ unit, year, level: at })}`);
  if (level) return get(level);
  const bySchool = await get("school");
  if (bySchool.totals.level === "school") return get("teacher");
  for (const nearer of below(bySchool.totals.level).filter((one) => ORDER.indexOf(one) < ORDER.indexOf("school"))) {
    const report = await get(nearer);
    if (report.rows.some((row) => row.level === nearer)) return report;
  }
  return bySchool;
}

const query = (given) => new URLSearchParams(Object.entries(given).filter(([, value]) => value));
const below = (level) => ORDER.slice(ORDER.indexOf(level) + 1);
const lastPart = (unit) => unit.split("/").pop();

/** The units from one's own down to the one that is shown. */
function breadcrumb(own, { unit, year }) {
  const parts = unit.split("/");
  const line = parts.map((name, at) => ({ name, path: parts.slice(0, at + 1).join("/") }));
  const items = line.slice(own.split("/").length - 1).map(({ name, path }) =>
    el("li", {}, path === unit ? el("span", { "aria-current": "page" }, name)
      : el("a", { href: address({ unit: path, year }) }, name)));
  return el("nav", { class: "trail", "aria-label": "位置" }, el("ol", {}, items));
}

function controls({ unit, year, level, totals }) {
  const when = el("input", { id: "year", type: "number", min: 1970, max: 9000, required: true, value: year });
  const options = below(totals.level).map((one) =>
    el("option", { value: one, selected: one === level }, one === "teacher" ? "逐人" : `按${LEVELS[one]}`));
  const by = el("select", { id: "level" }, options);
  const submit = (event) => {
    event.preventDefault();
    location.hash = address({ unit, level: by.value, year: when.value });
  };
  return el("form", { class: "controls", submit },
    el("label", { for: "year" }, "年度"), when, el("label", { for: "level" }, "列出"), by,
    el("button", { id: "look", class: "primary" }, "查看"));
}

/** The day and the rules that every figure rests on. */
function basis({ as_of: day, rules }, titles) {
  const items = rules.map(({ unit, rule_set: set, version, carried_forward: carried, from, to }) => {
    const where = `${unit.split("/").join(" ")}：`;
    if (!set) return el("li", {}, where, NO_RULE);
    const validity = carried ? "，有效期已过，没有新的规定，暂按原规定核算" : "";
    const link = otherPage(`/policies/${encodeURIComponent(set)}`, titles.get(set) || set);
    return el("li", {}, where, link, ` ${version} 起的版本，核算 ${from} 至 ${to}${validity}`);
  });
  return el("div", { class: "basis remark" }, `截至 ${day}，所依据的规则：`, el("ul", {}, items));
}

/** The sums: people, the rate, hours that are lacking by category. */
function summary({ unit, totals }) {
  const { teachers, met, short, no_records: none, remaining, shortfall } = totals;
  const facts = [["教师", `${teachers} 人`], ["达标率", rate(totals)]];
  if (met !== null) facts.push(["达标", `${met} 人`], ["未达标", `${short} 人`], ["没有记录", `${none} 人`]);
  if (remaining !== null) facts.push(["合计还差", `${remaining} 学时`]);
  const figures = facts.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
  const most = Math.max(...Object.values(shortfall), 0);
  const gaps = Object.entries(shortfall).map(([category, hours]) =>
    el("li", {}, el("span", {}, category), bar(most ? hours / most : 0), el("span", {}, `还差 ${hours} 学时`)));
  const chart = el("figure", { class: "chart" }, el("figcaption", {}, "各科目还差的学时"), el("ul", {}, gaps));
  return el("section", { "aria-label": `${lastPart(unit)}合计` },
    el("dl", { class: "figures" }, figures), gaps.length && teachers ? chart : "");
}

/** A rate in words. Nobody to count, no rule and no data are each something else than nought. */
function rate({ teachers, met, no_records: none, rate: share }) {
  if (!teachers) return "没有教师";
  if (met === null || share === null) return NO_RULE;
  return none === teachers ? "没有记录" : percent(share);
}

function rateCell(row) {
  const words = rate(row);
  return el("span", { class: "rate" }, words, words.endsWith("%") ? bar(Number(row.rate)) : "");
}

/** The units below, each leading to its own report. */
function units({ rows, year, totals, level }) {
  const gaps = Object.keys(totals.shortfall);
  const columns = ["单位", "达标率", "教师", "达标", "未达标", "没有记录", "还差学时", ...gaps.map((name) => `${name}还差`)];
  const line = (row) => [
    el("a", { href: address({ unit: row.unit, year }) }, lastPart(row.unit)),
    rateCell(row),
    ...[row.teachers, row.met, row.short, row.no_records, row.remaining].map((figure) => shown(figure)),
    ...gaps.map((name) => shown(row.shortfall[name])),
  ];
  const suits = {
    all: () => true, short: (row) => row.short > 0, none: (row) => row.no_records > 0,
    met: (row) => row.short === 0 && row.teachers > 0,
  };
  const named = (row, words) => row.unit.includes(words);
  return filtered(`${LEVELS[level]}达标情况`, "按单位名称查找", columns, rows, line, suits, named);
}

/** The teachers, one by one. */
function roster({ teachers, totals, unit }) {
  const gaps = Object.keys(totals.shortfall);
  const figures = ["计入学时", "还差学时", "待审核学时", ...gaps.map((name) => `${name}还差`)];
  const columns = ["姓名", "教师编号", "学校", "结果", ...figures];
  const line = (one) => [
    one.name, one.teacher_id, lastPart(one.unit), verdict(one),
    one.records ? shown(one.counted) : NONE, shown(one.remaining), one.records ? one.pending : NONE,
    ...gaps.map((name) => shown(one.shortfall[name])),
  ];
  const suits = {
    all: () => true, short: (one) => one.met === false, none: (one) => one.records === 0, met: (one) => one.met === true,
  };
  const named = (one, words) => one.name.includes(words) || one.teacher_id.toLowerCase().includes(words.toLowerCase());
  return filtered(`${lastPart(unit)}教师名单`, "按姓名或编号查找", columns, teachers, line, suits, named);
}

const shown = (figure) => (figure === null || figure === undefined ? NONE : String(figure));

function verdict({ met, records }) {
  const words = met === null ? NO_RULE : met ? "达标" : "未达标";
  return records ? words : `${words}，没有记录`;
}

/** A list that can be narrowed down by its outcome and by name, without another request. */
function filtered(caption, label, columns, all, line, suits, named) {
  const [list, find] = [el("div"), el("input", { id: "find", type: "search", autocomplete: "off" })];
  let which = "all";
  const fill = () => {
    const words = find.value.trim();
    const rows = all.filter((one) => suits[which](one) && named(one, words));
    list.textContent = "";
    list.append(listing(caption, columns, rows.map(line), all.length ? "没有符合筛选的。" : "没有。"));
    return rows.length;
  };
  const change = () => say(`筛选后 ${fill()} 行`);
  find.addEventListener("input", change);
  fill();
  const choose = (value) => {
    which = value;
    change();
  };
  const search = el("div", {}, el("label", { for: "find" }, label), " ", find);
  return el("div", {}, el("div", { class: "filters" }, choice("筛选", "which", FILTERS, which, choose), search), list);
}

/** The rules on money and coverage, held against the unit and those below it, with their clauses. */
function checks({ rows, totals, level }, titles) {
  const all = rows.some((row) => row.unit === totals.unit) || level === "teacher" ? [totals] : [totals, ...rows];
  const lines = all.flatMap(({ unit, checks: made }) => made.map((check) => [
    lastPart(unit), check.carried_forward ? `${check.name}（有效期已过，沿用）` : check.name,
    check.value === null ? STATUS.no_data : percent(check.value), percent(check.minimum), STATUS[check.status],
    clauseLink(check, titles),
  ]));
  return listing("经费与覆盖", ["单位", "规则", "数值", "最低", "结果", "条款"], lines, "没有适用的规定。");
}

function clauseLink({ policy_id: policy, locator }, titles) {
  const href = `/policies/${encodeURIComponent(policy)}#${encodeURIComponent(locator)}`;
  return otherPage(href, `${titles.get(policy) || policy}${place(locator)}`);
}

/** The whole report as a file, fetched with the token and handed to the browser. */
function exports(session, { unit, year, level }) {
  const fault = error();
  const save = (kind) => async ({ currentTarget }) => {
    currentTarget.disabled = true;
    fault.textContent = "";
    try {
      const response = await session.fetch(`/v1/compliance.${kind}?${query({ unit, year, level })}`);
      download(await response.blob(), `达标情况-${lastPart(unit)}-${year}-${level}.${kind}`);
      say("文件已导出");
    } catch (problem) {
      fault.textContent = explain(problem);
      say(fault.textContent);
    }
    currentTarget.disabled = false;
  };
  return el("p", { class: "links" },
    button("导出 csv", save("csv")), button("导出 xlsx", save("xlsx")),
    el("span", { class: "remark" }, "导出全部行，不受筛选影响。"), fault);
}

function download(content, name) {
  const link = el("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000); // the browser may still be asking where to put it
}
