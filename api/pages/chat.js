import { answerParts } from "./answer.js";
import { button, el, say } from "./dom.js";
import { progressCard } from "./progress.js";

const LONGEST = 2000; // characters, as the server counts them
const NEAR = 80; // pixels from the end within which a new answer may move the page
const FIRST = {
  teacher: ["我今年还差多少学时？", "为什么有的学时没有计入？", "如果我再修4学时专业科目呢？", "列出我今年的记录"],
  other: ["镇级培训最多能计多少学时？", "教师每年的学时要求是多少？", "新任教师有什么培训要求？"],
};

/** One account's conversation. It is thrown away whole when the account changes, so nothing of it can linger. */
export class Chat {
  /** `signIn(why)` is called when the token is no longer accepted; a new session of the same account may then be set. */
  constructor(session, me, signIn) {
    this.session = session;
    this.signIn = signIn;
    this.thread = null;
    this.busy = false;
    this.log = el("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "对话" });
    this.suggestions = this.offer(FIRST[me.teacher_id ? "teacher" : "other"], "可以这样问");
    this.form = this.composer();
    this.node = el(
      "div",
      { class: "chat" },
      progressCard(me),
      el("section", { class: "talk", "aria-label": "提问" }, this.log, this.suggestions, this.form),
    );
  }

  composer() {
    this.count = el("span", { class: "count", id: "count" });
    this.box = el("textarea", { id: "question", rows: 2, "aria-describedby": "count", autocomplete: "off" });
    this.box.addEventListener("input", () => this.measure());
    sendOnEnter(this.box, () => this.submit());
    const submit = (event) => {
      event.preventDefault();
      this.submit();
    };
    const hint = el("span", { class: "hint" }, "Enter 发送，Shift+Enter 换行");
    const label = el("label", { for: "question" }, "您的问题");
    const send = el("button", { type: "submit", class: "send" }, "发送");
    return el("form", { class: "composer", submit }, el("p", { class: "above" }, label, hint, this.count), this.box, send);
  }

  /** Fit the box to its text, and count once the limit is near. */
  measure() {
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight + 2}px`;
    const left = LONGEST - length(this.box.value);
    this.count.textContent = left < 0 ? `超出 ${-left} 字，请缩短` : left <= 200 ? `还可以写 ${left} 字` : "";
    this.count.classList.toggle("over", left < 0);
  }

  draft(text) {
    this.box.value = text;
    this.measure();
  }

  submit() {
    const question = this.box.value.trim();
    if (!question) return this.box.focus();
    if (length(question) > LONGEST) return say(`问题最多 ${LONGEST} 字，请缩短后再发送。`);
    if (this.busy) return say("上一个问题还在回答，请稍候。");
    this.draft("");
    // On a touch screen the keyboard would cover the answer: give it up by moving focus.
    return this.ask(question, isTouch());
  }

  offer(questions, title) {
    if (!questions.length) return "";
    const choose = (question) => {
      if (this.busy) return say("上一个问题还在回答，请稍候。");
      const blank = /^（.+?）/.exec(question);
      if (!blank) return this.ask(question, true);
      // “（教师编号）……”: a form to fill in, not a question yet.
      this.draft(question);
      this.box.focus();
      return this.box.setSelectionRange(0, blank[0].length);
    };
    const items = questions.map((question) => el("li", {}, button(question, () => choose(question))));
    return el("div", { class: "suggestions" }, el("p", {}, title), el("ul", {}, items));
  }

  /** Ask and show the answer. `move`: whether focus goes to the new turn. */
  async ask(question, move) {
    const session = this.session;
    this.busy = true;
    if (this.suggestions) this.suggestions.remove();
    const reply = el("div", { class: "reply" }, el("p", { class: "waiting" }, "正在查找依据并核算"));
    const turn = el("article", { class: "turn", tabindex: -1, "aria-label": question }, el("p", { class: "asked" }, question), reply);
    this.log.append(turn);
    if (move) turn.focus({ preventScroll: true });
    this.form.scrollIntoView({ block: "end" });
    say("正在回答");
    try {
      const body = this.thread ? { question, thread_id: this.thread } : { question };
      const answer = await session.call("/v1/ask", body);
      if (session.ended) return;
      this.thread = answer.thread_id;
      const follow = nearEnd();
      this.suggestions = this.offer(answer.suggestions, "还可以问");
      reply.textContent = "";
      reply.append(...el("div", {}, answerParts(answer)).childNodes, this.suggestions);
      // The answer's beginning, not its end, is what one wants to read.
      if (follow) turn.scrollIntoView({ block: "start" });
      say("回答已到");
    } catch (problem) {
      if (session.ended) return;
      this.fail(problem, question, turn, reply);
    } finally {
      this.busy = false;
    }
  }

  /** Show why there is no answer; the question goes back to the box unless another has been begun there. */
  fail(problem, question, turn, reply) {
    if (!this.box.value.trim()) this.draft(question);
    if (problem.status === 401 || problem.status === 403) {
      turn.remove();
      return this.signIn(problem.message);
    }
    if (problem.status === 404) this.thread = null; // the thread is gone: go on without it
    const again = () => {
      if (this.busy) return;
      turn.remove();
      if (this.box.value.trim() === question) this.draft("");
      this.ask(question, true);
    };
    reply.textContent = "";
    reply.append(el("p", { class: "error" }, problem.message || "页面出错，请重试。"));
    if (problem.status !== 422) reply.append(retryButton(again, problem.retryAfter));
    return say(problem.message || "页面出错");
  }
}

/** 重试, after a countdown where the server asked for one. */
function retryButton(again, seconds) {
  const node = button("重试", again, { class: "retry" });
  const tick = (left) => {
    node.disabled = left > 0;
    node.textContent = left > 0 ? `重试（${left} 秒后）` : "重试";
    if (left > 0) setTimeout(tick, 1000, left - 1);
  };
  tick(seconds);
  return node;
}

/**
 * Enter sends, unless it breaks a line (Shift, a touch keyboard) or confirms a candidate of an input method. No one sign
 * tells that in every browser: Chromium says isComposing; Safari ends the composition first, then sends Enter with the
 * key code 229; others only fire the composition events, hence the flag and the moment after.
 */
function sendOnEnter(box, send) {
  let composing = false;
  let composed = -Infinity;
  const end = (event) => {
    if (composing) composed = event.timeStamp;
    composing = false;
  };
  box.addEventListener("compositionstart", () => (composing = true));
  box.addEventListener("compositionend", end);
  box.addEventListener("blur", end); // some input methods never say that they ended
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || isTouch()) return;
    if (composing || event.isComposing || event.keyCode === 229 || event.timeStamp - composed < 50) return;
    event.preventDefault();
    send();
  });
}

const isTouch = () => matchMedia("(hover: none) and (pointer: coarse)").matches;

const length = (text) => Array.from(text.trim()).length;

function nearEnd() {
  const { scrollHeight, scrollTop, clientHeight } = document.documentElement;
  return scrollHeight - scrollTop - clientHeight < NEAR;
}
