import { el } from "./dom.js";
import { proof } from "./session.js";

/** @typedef {{account: string, role: string, unit: string, name: ?string}} SampleAccount */
/** @typedef {import("./session.js").Cookie} Cookie */

const ABOUT = "按当地政策和已登记的记录，回答教师继续教育学时的问题，每个数字都有出处。";
const PATIENCE = 3000; // milliseconds that an opener has to answer: it may have to ask for a token itself
const ADMINS = { school_admin: "学校管理员", town_admin: "镇街管理员", county_admin: "县区管理员", city_admin: "市级管理员" };
/** Roles of accounts in words. */
export const ROLES = { teacher: "教师", ...ADMINS };

/**
 * The token of the page that opened this one: ours, or one of a site that may embed the widget. No other is asked, or
 * believed.
 * @returns {Promise<?string>} null where there is no such page, or it has none to lend.
 */
export async function borrowToken() {
  const { opener } = window;
  if (!opener || opener === window) return null;
  const lenders = ours(opener) ? [location.origin] : await embedders();
  if (!lenders.length) return null;
  return new Promise((resolve) => {
    const end = (token) => {
      window.removeEventListener("message", hear);
      resolve(token);
    };
    const hear = ({ origin, source, data }) => {
      const answer = lenders.includes(origin) && source === opener && data && data.xueshi === "token";
      if (answer) end(typeof data.token === "string" ? data.token : null);
    };
    window.addEventListener("message", hear);
    setTimeout(end, PATIENCE, null);
    opener.postMessage({ xueshi: "token?" }, "*"); // no secret
  });
}

/** Whether a window shows a page of ours: another origin's doesn't let its address be read. */
function ours(other) {
  try {
    return other.location.origin === location.origin;
  } catch (_) {
    return false;
  }
}

/** The origins of sites that may embed the widget. */
async function embedders() {
  const found = await fetch("/embedding.json").catch(() => null);
  return found && found.ok ? (await found.json()).origins : [];
}

/** Who is signed in by a cookie, and where one signs in so. @returns {Promise<{cookie: ?Cookie, door: ?string}>} */
async function cookieSession() {
  const found = await fetch("/v1/session").catch(() => null);
  const told = found && found.ok ? await found.json().catch(() => ({})) : {};
  const cookie = told.account ? { account: told.account, csrf: told.csrf_token } : null;
  return { cookie, door: told.sign_in };
}

/** Sign out whoever is signed in by a cookie. */
export async function signOut() {
  const { cookie } = await cookieSession();
  if (cookie) await fetch("/v1/session", { method: "DELETE", headers: proof(cookie) }).catch(() => null);
}

/**
 * Who one is by a cookie; else ask, in the place of whatever is shown: in the demo a choice of sample accounts, else a
 * token, or the way to WeCom where one can sign in there.
 * @param {string} why What is said above the form.
 * @param {(account: SampleAccount) => boolean} suits The demo's accounts that the page is for.
 * @param {?string} account The one that was signed in until now, chosen beforehand.
 * @returns {Promise<string|Cookie>} The token, once one is given; the server has yet to accept it.
 */
export async function askToken(why, suits, account) {
  const { cookie, door } = await cookieSession();
  if (cookie) return cookie;
  const [place, view] = ["sign-in", "view"].map((id) => document.getElementById(id));
  const found = await fetch("/v1/demo/accounts").catch(() => null);
  const [fields, token] = found && found.ok ? samples(await found.json(), suits, account) : pasted(door);
  const fault = el("p", { class: "error", role: "alert" }, why);
  view.hidden = true;
  return new Promise((resolve) => {
    const submit = async (event) => {
      event.preventDefault();
      const given = await token().catch(({ message }) => void (fault.textContent = message));
      if (!given) return;
      place.textContent = "";
      view.hidden = false;
      resolve(given);
    };
    const title = [el("h2", {}, "请先登录学时通"), el("p", { class: "remark" }, ABOUT)];
    place.textContent = "";
    const send = el("button", { class: "primary" }, "登录");
    place.append(el("form", { class: "card sign-in", submit }, title, fault, fields, send));
    place.querySelector("select, input").focus();
  });
}

/** The fields to choose a sample account by, and what gets its token. */
function samples({ today, accounts }, suits, expired) {
  const some = accounts.filter(suits);
  const units = new Map(some.map(({ unit }) => [unit, el("optgroup", { label: unit.split("/").join(" ") })]));
  for (const { account, unit, name, role } of some) {
    const words = [name, ROLES[role], account].filter(Boolean).join(" · ");
    units.get(unit).append(el("option", { value: account, selected: account === expired }, words));
  }
  const select = el("select", { id: "sample", autocomplete: "off" }, ...units.values());
  const token = async () => {
    const body = JSON.stringify({ account: select.value });
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body };
    const given = await fetch("/v1/demo/token", options).then((found) => found.json()).catch(() => ({}));
    if (!given.token) throw new Error(given.detail || "没有连上服务器，请检查网络后重试。");
    return given.token;
  };
  const note = el("p", { class: "remark" }, `演示：数据均为虚构，日期固定为 ${today}。`);
  return [[note, el("label", { for: "sample" }, "选择示例账号"), select], token];
}

/** The field to paste a token into, and what reads it; above it the way to WeCom, which leads back to this page. */
function pasted(door) {
  const back = encodeURIComponent(location.pathname + location.search + location.hash);
  const wecom = door ? el("p", { class: "links" }, el("a", { href: `${door}?next=${back}` }, "用企业微信登录")) : "";
  const about = { autocomplete: "off", spellcheck: "false", "aria-describedby": "token-help" };
  const input = el("input", { id: "token", ...about });
  const help = "请从学校门户或企业微信打开本页；试用时可粘贴访问凭证。凭证只留在本页内存中，刷新后需重新登录。";
  const token = async () => input.value.replace(/^\s*Bearer\s/i, "").trim();
  const label = el("label", { for: "token" }, "登录凭证");
  return [[wecom, label, el("p", { class: "remark", id: "token-help" }, help), input], token];
}
