import { request, Session } from "./api.js";
import { Chat } from "./chat.js";
import { el, say } from "./dom.js";
import { goToClause, policyPage } from "./policy.js";

const ADMINS = { school_admin: "学校管理员", town_admin: "镇街管理员", county_admin: "县区管理员", city_admin: "市级管理员" };
const ROLES = { teacher: "教师", ...ADMINS };
const at = (id) => document.getElementById(id);
const [view, form, token, demoBar, sample, account] = ["view", "sign-in", "token", "demo", "sample", "account"].map(at);
const [, policyId] = /^\/policies\/([^/]+)\/?$/.exec(location.pathname) || [];
let session = new Session(); // who is signed in, or signing in
let chat = null; // that account's conversation

/** The demo's date, and for a conversation the choice of who to be, by unit. */
function showDemo({ today, accounts, default: first }) {
  const units = new Map(accounts.map(({ unit }) => [unit, el("optgroup", { label: unit.split("/").join(" ") })]));
  for (const { account: value, unit, name, role } of accounts) {
    units.get(unit).append(el("option", { value }, [name, ROLES[role], value].filter(Boolean).join(" · ")));
  }
  sample.append(...units.values());
  sample.value = first;
  demoBar.querySelector("time").textContent = today;
  demoBar.hidden = false;
  at("choice").hidden = Boolean(policyId);
  beSample();
}

/** Be the chosen sample account, with nothing left of the one before. */
function beSample() {
  const body = { account: sample.value };
  chat = null;
  view.textContent = "";
  enter(new Session(null, async () => (await request("/demo/token", body)).token));
}

/** Sign in as `entering` and open what the address asks for. */
async function enter(entering) {
  session.ended = true;
  session = entering;
  const call = entering.call(policyId ? `/v1/policies/${policyId}` : "/v1/me");
  const [found, problem] = await call.then((data) => [data], (error) => [null, error]);
  if (entering.ended) return;
  if (problem && problem.status !== 404 && demoBar.hidden) return signIn(problem.message);
  const signingIn = !form.hidden;
  form.hidden = true;
  view.hidden = false;
  token.value = view.textContent = "";
  if (problem) view.append(el("p", { class: "error" }, problem.message), el("a", { href: "/" }, "返回首页"));
  else view.append(policyId ? policyPage(found) : conversation(found));
  if (at("missing")) goToClause();
  else if (signingIn && chat) chat.box.focus({ preventScroll: true });
  say(problem ? problem.message : "已打开");
}

/** The account's conversation: the open one if it is the same person's, who finds draft and answers as they were. */
function conversation(me) {
  if (!chat || chat.account !== me.account) chat = new Chat(me, signIn);
  chat.session = session;
  account.firstElementChild.textContent = `${me.account}，${ROLES[me.role]}，${me.unit.split("/").pop()}`;
  account.hidden = !demoBar.hidden;
  return chat.node;
}

/** Ask for a token. What is open stays, unseen, and comes back only for the same account. */
function signIn(why = "") {
  view.hidden = account.hidden = true;
  form.hidden = false;
  form.querySelector(".error").textContent = why;
  token.focus();
  say(why);
}

sample.addEventListener("change", beSample);
window.addEventListener("hashchange", () => at("missing") && goToClause());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const pasted = token.value.replace(/^\s*Bearer\s/i, "").trim();
  if (pasted) enter(new Session(pasted));
});
request("/demo/accounts").then(showDemo, () => signIn());
