import { complianceView } from "./admin-compliance.js";
import { importsView } from "./admin-imports.js";
import { questionsView } from "./admin-questions.js";
import { button, el } from "./dom.js";
import { atTop, error, explain, openPage } from "./page.js";
import { Problem } from "./session.js";
import { ROLES } from "./sign-in.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {{account: string, role: string, unit: string}} Me An administrator, and the unit that is theirs. */
/** @typedef {{view?: string, unit?: string, level?: string, year?: string, kind?: string}} State What is asked for. */

/** @type {Object<string, [string, (session: Session, me: Me, state: State) => Promise<(Node|string)[]>]>} */
const VIEWS = {
  units: ["达标情况", complianceView],
  imports: ["导入记录", importsView],
  questions: ["待改进的问答", questionsView],
};
const TEACHERS = "本页供教育行政部门和学校的管理员使用；本人的学时请在问答页查看。";

let known = { session: null, me: null };

const page = openPage(async (session) => {
  const focused = document.activeElement.id;
  if (known.session !== session) known = { session, me: await whoIs(session) };
  const { me } = known;
  const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const current = Object.keys(VIEWS).includes(state.view) ? state.view : "units";
  const [title, view] = VIEWS[current];
  const parts = await view(session, me, state).catch(failed);
  const shown = () => {
    const same = document.getElementById(focused); // by id: what was used is made anew
    if (same) same.focus();
    else atTop();
  };
  return { title, parts: [whoami(me), tabs(current), ...parts], shown };
}, ({ role }) => role !== "teacher");
window.addEventListener("hashchange", page.show);

/** Who is signed in. An administrator who teaches may do so elsewhere, so their unit is that of their own report. */
async function whoIs(session) {
  const { account, role } = await session.call("/v1/me");
  if (role === "teacher") throw new Problem(403, TEACHERS);
  const { unit } = await session.call(`/v1/compliance?level=${role.replace("_admin", "")}`);
  return { account, role, unit };
}

function whoami({ account, role, unit }) {
  const words = `${account}，${ROLES[role]}，${unit.split("/").join(" ")}`;
  return el("p", { class: "who" }, words, button("退出", page.leave, { class: "quiet" }));
}

function tabs(current) {
  const items = Object.entries(VIEWS).map(([name, [title]]) =>
    el("li", {}, el("a", { href: `#view=${name}`, "aria-current": name === current && "page" }, title)));
  return el("nav", { class: "tabs", "aria-label": "管理" }, el("ul", {}, items));
}

/** What stands in a view's place when it can't be shown; the rest of the page stays of use. */
function failed(problem) {
  if (problem.status === 401) throw problem;
  const links = el("p", { class: "links" }, button("重试", page.show), el("a", { href: "#view=units" }, "回到本单位"));
  return [error(explain(problem)), links];
}
