import { listing } from "./admin-parts.js";
import { button, el, remark } from "./dom.js";
import { error, explain, say } from "./page.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {{teacher_id: string, name: string, unit: string, why?: string}} Person */

const COLUMNS = ["教师编号", "姓名", "学校"];

/**
 * The way to remind the teachers of a unit who are short: counted first, sent on a second word.
 * @param {Session} session @param {string} unit
 */
export function reminders(session, unit) {
  const place = el("section", { "aria-label": "补学提醒" });
  const put = (...parts) => {
    place.textContent = "";
    place.append(...parts.flat());
  };
  const order = (body) => session.call("/v1/reminders", { method: "POST", body: { unit, ...body } });
  const offer = () => put(el("p", { class: "links" }, button("发送补学提醒…", look, { id: "remind" })));
  /** Do something that may fail, which leaves the way to try again. */
  const trying = (doing) => async ({ currentTarget }) => {
    currentTarget.disabled = true;
    await doing().catch((problem) => {
      const fault = explain(problem);
      put(error(fault), el("p", { class: "links" }, button("重试", look), button("放弃", offer)));
      say(fault);
    });
  };
  const look = trying(async () => {
    const found = await order({ dry_run: true });
    const what = `还差学时的教师 ${found.short} 人，这次会提醒 ${found.due} 人，用企业微信各发一条；`
      + `一周内提醒过的 ${found.recent} 人，选择不接收的 ${found.opted_out} 人，不再发。`;
    const go = found.due ? button("确定发送", send, { class: "primary" }) : "";
    put(remark(what), lists(found), el("p", { class: "links" }, go, button("放弃", offer)));
    say(what);
  });
  const send = trying(async () => {
    let [sent, failed, unsure, after, last] = [0, [], [], "", null];
    do {
      last = await order({ dry_run: false, after });
      [sent, failed, after] = [sent + last.sent, failed.concat(last.failed), last.next];
      unsure = last.unsure;
      put(remark(`已发送 ${sent} 人`, after ? "，正在继续" : ""));
    } while (after && !last.stopped);
    const done = `已发送 ${sent} 人。`;
    put(remark(done), last.stopped ? error(`没有发完：${last.stopped}`) : "", lists({ failed, unsure }),
      el("p", { class: "links" }, button("知道了", offer)));
    say(done + (last.stopped || ""));
  });
  offer();
  return place;
}

/** Whom nothing was, or can be, sent to. @param {{failed?: Person[], unsure?: Person[], unregistered?: Person[]}} found */
function lists({ failed = [], unsure = [], unregistered = [] }) {
  const row = ({ teacher_id: id, name, unit, why }) => [id, name, unit.split("/").pop(), ...(why ? [why] : [])];
  const shown = (caption, people, columns = COLUMNS) =>
    people.length ? listing(`${caption}，${people.length} 人`, columns, people.map(row), "") : "";
  return [
    shown("没有发出", failed, [...COLUMNS, "原因"]),
    shown("发送时中断过，可能没有收到", unsure),
    shown("没有登记企业微信账号，不能提醒", unregistered),
  ];
}
