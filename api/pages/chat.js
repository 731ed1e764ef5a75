import { answerParts } from "./answer.js";
import { button, el, say } from "./dom.js";
import { isTouch, sendOnEnter } from "./enter.js";
import { progressParts } from "./progress.js";

const LONGEST = 2000; // characters, as the server counts them
const NEAR = 80; // pixels from the page's end within which a new answer may move the page
const FIRST = ["我今年还差多少学时？", "为什么有的学时没有计入？", "如果我再修4学时专业科目呢？", "列出我今年的记录"];
const FIRST_OF_OTHERS = ["（教师姓名或编号）今年还差多少学时？", "镇级培训最多能计多少学时？", "学校的培训经费有什么要求？"];
const size = (text) => Array.from(text.trim()).length;

/** One account's conversation. It is thrown away whole when the account changes, so that nothing of it can linger. */
export class Chat {
  /** `me`: what /v1/me said; `signIn(why)`: for a token no longer accepted. `session` is to be set before use. */
  constructor(me, signIn) {
    const node = document.getElementById("chat").content.firstElementChild.cloneNode(true);
    const [card, log, count, box, button] = node.querySelectorAll(".progress, .log, .count, textarea, .primary");
    Object.assign(this, { account: me.account, signIn, node, log, count, box, session: null, thread: null });
    if (me.teacher_id) card.append(...progressParts(me));
    else card.remove(); // no records of one's own
    this.offer(me.teacher_id ? FIRST : FIRST_OF_OTHERS, "可以这样问", log);
    box.addEventListener("input", () => this.measure());
    sendOnEnter(box, () => this.send());
    button.addEventListener("click", () => this.send());
  }

  /** Fit the box to its text, and count once the limit is near. */
  measure() {
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight + 2}px`;
    const left = LONGEST - size(this.box.value);
    this.count.textContent = left < 0 ? `超出 ${-left} 字，请缩短` : left <= 200 ? `还可以写 ${left} 字` : "";
  }

  draft(text) {
    this.box.value = text;
    this.measure();
  }

  send() {
    const question = this.box.value.trim();
    if (!question) this.box.focus();
    else if (size(question) > LONGEST) say(`问题最多 ${LONGEST} 字，请缩短后再发送。`);
    else this.ask(question, isTouch()); // a touch keyboard would cover the answer: without focus it goes
  }

  offer(questions, title, parent) {
    const choose = (question) => {
      if (!question.startsWith("（")) return this.ask(question, true);
      this.draft(question); // “（教师姓名）……” has a blank to fill in first
      this.box.focus();
      return this.box.setSelectionRange(0, question.indexOf("）") + 1);
    };
    const items = questions.map((question) => el("li", {}, button(question, () => choose(question))));
    this.offered = el("div", { class: "suggestions" }, el("p", {}, title), el("ul", {}, items));
    if (items.length) parent.append(this.offered);
  }

  /** Ask, unless an answer is awaited. `move`: whether focus goes to the new turn; `old`: the turn it replaces. */
  async ask(question, move, old) {
    if (this.busy) return say("上一个问题还在回答，请稍候。");
    const reply = el("div", { class: "reply" }, el("p", { class: "waiting" }, "正在查找依据并核算"));
    const turn = el("article", { tabindex: -1, "aria-label": question }, el("p", { class: "asked" }, question), reply);
    const { session, thread, log, offered } = this;
    this.busy = true;
    if (this.box.value.trim() === question) this.draft("");
    [offered, old].forEach((gone) => gone && gone.remove());
    log.append(turn);
    if (move) turn.focus({ preventScroll: true });
    window.scrollTo(0, document.documentElement.scrollHeight);
    say("正在回答");
    try {
      const answer = await session.call("/v1/ask", { question, thread_id: thread });
      if (session.ended) return;
      const { scrollHeight, scrollTop, clientHeight } = document.documentElement;
      const follow = scrollHeight - scrollTop - clientHeight < NEAR;
      this.thread = answer.thread_id;
      reply.textContent = "";
      reply.append(...answerParts(answer));
      this.offer(answer.suggestions, "还可以问", reply);
      if (follow) turn.scrollIntoView({ block: "start" }); // one reads an answer from its beginning
      say("回答已到");
    } catch (problem) {
      if (!session.ended) this.fail(problem, question, turn, reply);
    }
    this.busy = false;
  }

  /** Say why there is no answer. The question goes back to the box unless another has been begun there. */
  fail({ status, message, wait }, question, turn, reply) {
    if (!this.box.value.trim()) this.draft(question);
    if (status === 401 || status === 403) {
      turn.remove();
      return this.signIn(message);
    }
    if (status === undefined) message = "页面没能显示这个回答，请刷新后重试。"; // our own mistake, not the server's
    if (status === 404) this.thread = null; // that conversation is gone: go on in a new one
    const again = button("重试", () => this.ask(question, true, turn));
    const countDown = (left) => {
      again.disabled = left > 0;
      again.textContent = left > 0 ? `重试（${left} 秒后）` : "重试";
      if (left > 0) setTimeout(countDown, 1000, left - 1);
    };
    countDown(wait);
    reply.textContent = "";
    reply.append(el("p", { class: "error" }, message), status === 422 ? "" : again);
    say(message);
  }
}
