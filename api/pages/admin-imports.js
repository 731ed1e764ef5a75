import { listing, minute } from "./admin-parts.js";
import { apart, button, el } from "./dom.js";
import { error, explain, say } from "./page.js";
import { Problem, proof } from "./session.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {{file: string, kind: string, rows: number, added: number, updated: number, unchanged: number,
 *   moved: number, left: number, warnings: string[]}} FileReport */

const KINDS = { units: "单位", teachers: "教师", credits: "学时记录", budgets: "经费", accounts: "账号" };
const HELP = "csv 或 xlsx，可选几个，共不超过 20 MB；是哪种记录由表头认出。一次导入要么全部成功，要么什么都不写。";

/** Importing files after a look at what they would change, and the log of imports. @param {Session} session */
export async function importsView(session) {
  const log = el("div", {});
  const refresh = async () => {
    const { imports } = await session.call("/v1/imports");
    log.textContent = "";
    log.append(logTable(session, imports, refresh));
  };
  await refresh();
  return [importForm(session, refresh), log];
}

function importForm(session, refresh) {
  const about = { id: "files", multiple: true, accept: ".csv,.xlsx", "aria-describedby": "files-help" };
  const files = el("input", { type: "file", ...about });
  const [result, look] = [el("div", { class: "result" }), el("button", { class: "primary" }, "预览")];
  const put = (words, ...parts) => {
    result.textContent = "";
    result.append(...parts);
    say(words);
  };
  /** Send the files; everything waits meanwhile, so that nothing is sent twice. */
  const send = async (chosen, dryRun) => {
    const all = [...form.querySelectorAll("button, input")];
    all.forEach((control) => (control.disabled = true));
    try {
      const report = await upload(session, chosen, dryRun);
      if (dryRun) put("预览已完成", ...preview(report, () => send(chosen, false), () => put("已放弃")));
      else {
        put("导入完成", ...imported(report));
        form.reset();
        await refresh();
      }
    } catch (problem) {
      put("没有导入", ...faults(problem));
    }
    all.forEach((control) => (control.disabled = false));
    look.focus();
  };
  const submit = (event) => {
    event.preventDefault();
    if (files.files.length) send([...files.files], true);
    else put("请先选择文件", error("请先选择文件。"));
  };
  // What was looked at is what is written: another choice needs another look.
  files.addEventListener("change", () => put(""));
  const form = el("form", { class: "card import", submit },
    el("label", { for: "files" }, "选择记录文件"), el("p", { class: "remark", id: "files-help" }, HELP), files, look, result);
  return form;
}

/** What the server reports of an upload. Problem: refused, with `errors` naming every fault; or no answer came. */
async function upload(session, files, dryRun) {
  const body = new FormData();
  files.forEach((file) => body.append("files", file));
  const send = (token) => {
    const options = { method: "POST", headers: proof(token), body };
    return fetch(`/v1/imports?dry_run=${dryRun}`, options).catch(() => null);
  };
  let response = await send(session.token || (await session.renew()));
  if (response && response.status === 401) response = await send(await session.renew());
  const said = response && (await response.json().catch(() => null));
  if (!said) throw new Problem(0, "没有连上服务器，或文件在选好之后有改动，请重新选择文件。");
  if (!response.ok) throw Object.assign(new Problem(response.status, said.detail), { errors: said.errors });
  return said;
}

function preview({ files }, confirm, drop) {
  const changes = files.some(({ added, updated }) => added + updated > 0);
  const buttons = [button("确认导入", confirm, { class: "primary" }), button("放弃", drop)];
  const end = changes ? el("p", { class: "links" }, buttons) : el("p", {}, "这些文件的内容都已经导入过，没有要写入的。");
  return [el("h2", {}, "预览：还没有写入"), report(files), end];
}

function imported({ import_id: number, files }) {
  return [el("h2", {}, number === null ? "没有要写入的改动" : `已导入，编号 ${number}`), report(files)];
}

/** @param {FileReport[]} files */
function report(files) {
  const columns = ["文件", "记录", "行数", "新增", "更新", "未变", "调动的教师", "离职的教师"];
  const rows = files.map((one) =>
    [apart(one.file), KINDS[one.kind], one.rows, one.added, one.updated, one.unchanged, one.moved, one.left]);
  const warnings = files.flatMap(({ file, warnings: said }) => said.map((words) => el("li", {}, apart(file), `：${words}`)));
  const notes = el("section", {}, el("h3", {}, "请留意"), el("ul", {}, warnings));
  return el("div", {}, listing("各文件的改动", columns, rows, "没有文件。"), warnings.length ? notes : "");
}

function faults(problem) {
  const listed = (problem.errors || []).map((words) => el("li", {}, words));
  const title = listed.length > 1 ? el("h2", {}, "要改正的地方") : "";
  return [error(explain(problem)), title, listed.length > 1 ? el("ol", { class: "faults" }, listed) : ""];
}

function logTable(session, imports, refresh) {
  const columns = ["编号", "时间", "账号", "内容", "状态"];
  const rows = imports.map((one) =>
    [one.id, minute(one.made_at), one.account || "命令行", contents(one.files), state(session, one, refresh)]);
  return listing("导入记录", columns, rows, "还没有导入过。");
}

const contents = (files) =>
  files.map(({ file, kind, added, updated }) =>
    el("div", {}, apart(file), `（${KINDS[kind]}，新增 ${added}，更新 ${updated}）`));

/** Whether an import was taken back, and if not, the way to do so: in two steps, since it can't be taken back itself. */
function state(session, { id, undone_at: at, undone_by: by }, refresh) {
  if (at) return `${minute(at)} 由${by || "命令行"}撤销`;
  const place = el("span", { class: "undo" });
  const put = (...parts) => {
    place.textContent = "";
    place.append(...parts);
  };
  const offer = (fault = "") => put(button("撤销", ask, { "aria-label": `撤销第 ${id} 次导入` }), error(fault));
  const ask = () => {
    put(`撤销第 ${id} 次导入？`, button("确定撤销", undo, { class: "primary" }), button("取消", () => offer()));
    place.querySelector("button").focus();
  };
  const undo = async () => {
    put("正在撤销");
    try {
      const { removed, restored } = await session.call(`/v1/imports/${id}/undo`, { method: "POST" });
      await refresh();
      say(`已撤销：删去 ${removed} 行，恢复 ${restored} 行`);
    } catch (problem) {
      offer(explain(problem));
      say(explain(problem));
    }
  };
  offer();
  return place;
}
