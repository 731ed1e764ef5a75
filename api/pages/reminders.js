import { button, el, remark } from "./dom.js";
import { atTop, error, explain, openPage, say, wayBack } from "./page.js";

const PATH = "/v1/me/reminders";
const ABOUT = "还差学时的时候，管理员可以让学时通用企业微信提醒您，每周至多一次。";
const STATES = { true: ["您会收到提醒。", "不再接收提醒"], false: ["您不会收到提醒。", "重新接收提醒"] };

const page = openPage(async (session) => {
  const { enabled } = await session.call(PATH);
  const [state, change] = STATES[enabled];
  const fault = error();
  const turn = async ({ currentTarget }) => {
    currentTarget.disabled = true;
    try {
      await session.call(PATH, { method: "PUT", body: { enabled: !enabled } });
      await page.show();
    } catch (problem) {
      currentTarget.disabled = false;
      fault.textContent = explain(problem);
      say(fault.textContent);
    }
  };
  const parts = [remark(ABOUT), el("p", {}, state), el("p", { class: "links" }, button(change, turn), wayBack()), fault];
  return { title: "补学提醒", parts, shown: () => atTop() || say(state) };
}, ({ role }) => role === "teacher");
