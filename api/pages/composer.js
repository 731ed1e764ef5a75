import { button, el } from "./dom.js";
import { isTouch, sendOnEnter } from "./enter.js";

const LONGEST = 2000; // characters, as the server counts them
const NEARLY = 200; // characters left from which they are counted
const size = (text) => Array.from(text.trim()).length;

/** Where one writes. Sending and stopping are the owner's business; a draft stays until it is taken. */
export class Composer {
  /**
   * @param {object} t words
   * @param {{send: (question: string, touch: boolean) => boolean, stop: () => void, say: (text: string) => void}} owner
   * `send` returns whether the question was taken
   */
  constructor(t, owner) {
    const count = el("span", { class: "count", id: "count" });
    const box = el("textarea", { id: "question", rows: 1, autocomplete: "off", "aria-describedby": "count" });
    this.stopping = button(t.stop, () => owner.stop(), { class: "stop", hidden: true });
    const above = el("p", { class: "above" }, el("label", { for: "question" }, t.yourQuestion), hint(t), count);
    const sending = button(t.send, () => this.send(), { class: "primary" });
    const writing = el("div", { class: "writing" }, box, this.stopping, sending);
    this.node = el("div", { class: "composer" }, above, writing);
    Object.assign(this, { t, owner, box, count });
    box.addEventListener("input", () => this.measure());
    sendOnEnter(box, () => this.send());
  }

  get draft() {
    return this.box.value;
  }

  set draft(text) {
    this.box.value = text;
    this.measure();
  }

  /** Fit the box to its text, and count once the limit is near. */
  measure() {
    const { box, count, t } = this;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
    const left = LONGEST - size(box.value);
    count.textContent = left < 0 ? t.tooLong(-left) : left <= NEARLY ? t.left(left) : "";
  }

  /** Say something where one writes, until that changes. */
  note(text) {
    this.count.textContent = text;
    this.owner.say(text);
  }

  send() {
    const question = this.box.value.trim();
    if (!question) return this.focus();
    if (size(question) > LONGEST) return this.owner.say(this.t.longest(LONGEST));
    if (this.owner.send(question, isTouch())) this.draft = "";
  }

  /** Whether there is something to stop. */
  set busy(busy) {
    const focused = this.stopping.getRootNode().activeElement === this.stopping;
    this.stopping.hidden = !busy;
    this.measure(); // what was noted while it was busy is over
    if (focused && !busy) this.focus();
  }

  focus() {
    this.box.focus({ preventScroll: true });
  }

  /** Begin a question that has a blank in brackets, with the blank selected. */
  fillIn(question) {
    this.draft = question;
    this.focus();
    this.box.setSelectionRange(0, question.indexOf("）") + 1);
  }
}

const hint = (t) => el("span", { class: "hint" }, t.hint);
