import { button, el, pageLink } from "./dom.js";
import { lendToken, Session } from "./session.js";
import { askToken, borrowToken, signOut } from "./sign-in.js";

/** @typedef {import("./sign-in.js").SampleAccount} SampleAccount */
/** @typedef {{title: string, parts: (Node|string)[], shown?: () => void}} Content What a page shows. */
/** @typedef {{show: () => Promise<void>, leave: () => void}} Opened */

const EXPIRED = "登录凭证无效或已过期，请重新登录。";
const TITLES = { 403: "没有权限", 404: "没有找到" };
const byId = (id) => document.getElementById(id);

/**
 * Open the page for whoever opened it from the chat, or signs in.
 * @param {(session: Session) => Promise<Content>} content Made from the address, so that it comes back as it was.
 * @param {(account: SampleAccount) => boolean} [suits] The demo's accounts that the page is for.
 * @returns {Opened} `show` shows the page again, as after its address has changed; `leave` signs out.
 */
export function openPage(content, suits = () => true) {
  let [session, stopLending, given, refusedToken, why, shows] = [null, null, null, null, "", 0];
  const getToken = async (account) => {
    const lent = given || (await borrowToken());
    given = null;
    const token = lent && lent !== refusedToken ? lent : await askToken(why, suits, account);
    refusedToken = token; // as it is if it has to be asked for again
    return token;
  };
  const show = async () => {
    const mine = ++shows;
    byId("view").setAttribute("aria-busy", "true");
    const made = await content(session).catch((problem) => problem.status !== 401 && refused(problem, show, leave));
    if (mine !== shows) return; // something else is wanted by now, or by somebody else
    why = made ? "" : EXPIRED;
    if (made) put(made);
    else await show(); // asks for another token
  };
  /** Begin anew, with nothing left of whoever was there; `token`: of whoever has signed in already. */
  const enter = (token = null) => {
    if (session) {
      session.end();
      stopLending();
      put({ title: "学时通", parts: [el("p", { class: "waiting" }, "正在打开")] });
    }
    if (token) [given, refusedToken] = [token, null];
    session = new Session(getToken, location.origin, enter);
    stopLending = lendToken(session);
    return show();
  };
  const leave = () => signOut().then(() => enter());
  enter();
  return { show, leave };
}

/** Put a page's content in the place of what was there. @param {Content} content */
function put({ title, parts, shown }) {
  const view = byId("view");
  document.querySelector("h1").textContent = title;
  document.title = `${title} - 学时通`;
  view.textContent = "";
  view.removeAttribute("aria-busy");
  view.append(...parts);
  if (shown) shown();
}

/** What is shown in a page's place when it can't be: to another account it may be. @returns {Content} */
function refused(problem, again, leave) {
  const why = explain(problem);
  const other = TITLES[problem.status] ? button("换账号", leave) : button("重试", again);
  const parts = [error(why), el("p", { class: "links" }, other, el("a", { href: "/" }, "返回首页"))];
  return { title: TITLES[problem.status] || "没能打开", parts, shown: () => say(why) };
}

/** A problem in one line. One without a status is our own mistake, not the server's. */
export function explain({ status, message }) {
  if (status === undefined) return "页面没能显示出来，请刷新后重试。";
  return message || (status === 401 ? EXPIRED : status ? "请求没有成功，请稍后重试。" : "没有连上服务器，请检查网络后重试。");
}

/** A line that says what is wrong; empty, it isn't seen. */
export const error = (text = "") => el("p", { class: "error" }, text);

/** Tell a screen reader. */
export const say = (text) => (byId("status").textContent = text);

/** Begin at the top: whoever signed in, or followed a link, had the focus on what is gone. */
export const atTop = () => document.querySelector("h1").focus();

/** A link to one of our other pages, in a tab of its own. */
export const otherPage = (href, label) => pageLink(href, label, "（新标签页）");

/** The way back: to the page that opened this one, else to the chat. */
export const wayBack = () =>
  window.opener ? button("关闭本页，返回", () => window.close(), { class: "quiet" }) : el("a", { href: "/" }, "返回提问");
