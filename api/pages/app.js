import { Problem, request, Session } from "./api.js";
import { Chat } from "./chat.js";
import { button, el, say } from "./dom.js";
import { goToClause, policyView } from "./policy.js";

const ROLES = {
  teacher: "教师",
  school_admin: "学校管理员",
  town_admin: "镇街管理员",
  county_admin: "县区管理员",
  city_admin: "市级管理员",
};
const at = (id) => document.getElementById(id);
const [view, who, signInBox, heading] = ["view", "who", "sign-in", "heading"].map(at);
const policyId = (/^\/policies\/([^/]+)\/?$/.exec(location.pathname) || [])[1];

let session = null; // who is signed in, if anybody
let chat = null; // the conversation and whose it is: {account, chat}

async function start() {
  const demo = await request("/demo/accounts").catch(() => null);
  if (!demo) return signIn();
  showDemo(demo);
  return beSample(demo.default);
}

/** The demo's date and, where there is a conversation, the choice of who to be. */
function showDemo({ today, accounts, default: first }) {
  who.append(el("p", { class: "demo" }, `演示日期 ${today}，示例数据均为虚构`));
  if (policyId) return;
  const units = new Map(accounts.map(({ unit }) => [unit, []]));
  accounts.forEach((account) => units.get(account.unit).push(account));
  const option = ({ account, name, role }) =>
    el("option", { value: account, selected: account === first }, [name, ROLES[role] || role, account].filter(Boolean).join("，"));
  const groups = [...units].map(([unit, members]) => el("optgroup", { label: unit.split("/").join(" ") }, members.map(option)));
  const change = (event) => beSample(event.target.value);
  const pick = el("select", { id: "sample", change, autocomplete: "off" }, groups);
  who.append(el("label", { for: "sample" }, "示例账号"), pick);
}

async function beSample(account) {
  const token = async () => (await request("/demo/token", { body: { account } })).token;
  leave();
  const entering = (session = new Session(null, token)); // its first call finds no token and gets one
  await enter(entering, () => beSample(account));
}

/** Forget the account that was signed in, with all that is shown of it. */
function leave() {
  if (session) session.end();
  session = chat = null;
  view.textContent = "";
}

/** Open what the address asks for as `entering`. */
async function enter(entering, again) {
  view.setAttribute("aria-busy", "true");
  try {
    await (policyId ? openPolicy(entering) : openChat(entering));
  } catch (problem) {
    if (entering.ended) return;
    if (problem.status === 401 || problem.status === 403) signIn(problem.message);
    else showProblem(problem, again);
  } finally {
    view.removeAttribute("aria-busy");
  }
}

async function openChat(entering) {
  const me = await entering.call("/v1/me");
  if (entering.ended) return;
  if (chat && chat.account === me.account) {
    chat.chat.session = entering; // the same person again: conversation and draft stay
  } else {
    chat = { account: me.account, chat: new Chat(entering, me, signIn) };
    view.textContent = "";
    view.append(chat.chat.node);
  }
  signedIn();
  if (!at("sample")) showAccount(me);
  say(`已登录：${ROLES[me.role] || me.role}，${me.account}`);
}

async function openPolicy(entering) {
  const policy = await entering.call(`/v1/policies/${policyId}`);
  if (entering.ended) return;
  heading.textContent = policy.title;
  document.title = `${policy.title} - 学时通`;
  view.textContent = "";
  view.append(policyView(policy));
  signedIn();
  goToClause();
  window.addEventListener("hashchange", goToClause);
}

function signedIn() {
  const hadFocus = signInBox.contains(document.activeElement);
  signInBox.hidden = true;
  signInBox.textContent = "";
  view.hidden = false;
  if (hadFocus) (at("question") || at("main")).focus();
}

function showAccount({ account, role, unit }) {
  const place = unit.split("/").pop();
  const out = () => {
    leave();
    who.textContent = "";
    signIn("已退出。");
  };
  who.textContent = "";
  who.append(el("p", {}, `${account}，${ROLES[role] || role}，${place} `), button("退出", out, { class: "quiet" }));
}

/** Ask for a token. What is open stays, unseen: it comes back only for the same account. */
function signIn(why = "") {
  view.hidden = true;
  const token = el("input", { id: "token", autocomplete: "off", spellcheck: "false", "aria-describedby": "token-help" });
  const submit = (event) => {
    event.preventDefault();
    const pasted = token.value.replace(/^\s*Bearer\s+/i, "").trim();
    if (!pasted) return token.focus();
    if (session) session.end();
    session = new Session(pasted);
    return enter(session, () => signIn());
  };
  signInBox.textContent = "";
  signInBox.append(
    why ? el("p", { class: "error" }, why) : "",
    el(
      "form",
      { submit },
      el("label", { for: "token" }, "登录凭证"),
      el("p", { id: "token-help" }, "请粘贴访问凭证。试用时可由管理员执行 ", el("code", {}, "xueshi token --as 账号"), " 签发，最长 60 分钟有效。"),
      token,
      el("button", { type: "submit" }, "登录"),
    ),
    el("p", { class: "remark" }, "凭证只保存在本页内存中，关闭或刷新后需重新粘贴。"),
  );
  signInBox.hidden = false;
  token.focus();
  if (why) say(why);
}

function showProblem(problem, again) {
  const message = problem instanceof Problem ? problem.message : "页面出错，请刷新后重试。";
  view.hidden = false;
  view.textContent = "";
  view.append(el("p", { class: "error" }, message));
  if (problem.status !== 404) view.append(button("重试", again, { class: "retry" }));
  if (policyId) view.append(el("p", {}, el("a", { href: "/" }, "返回提问")));
  say(message);
}

start();
