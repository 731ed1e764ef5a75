import { answerNode, AnswerView } from "./answer.js";
import { apart, button, el, pageLink, remark } from "./dom.js";
import { blank, gather } from "./stream.js";

/** One question and what came of it: waiting, streaming, finished, stopped or failed. */
export class Turn {
  /** @param {string} question @param {object} options as of AnswerView, and `t`, `server`, `session`, `say` */
  constructor(question, options) {
    this.reply = el("div", { class: "reply" });
    const asked = el("p", { class: "asked" }, apart(question));
    this.node = el("article", { tabindex: -1, "aria-label": question }, asked, this.reply);
    this.waiting = el("p", { class: "waiting" });
    Object.assign(this, { question, options, t: options.t });
  }

  /** Nothing of an answer is here yet. */
  wait(text) {
    this.view = new AnswerView(this.options);
    this.answer = blank();
    this.reply.textContent = "";
    this.reply.append(this.view.node, this.waiting);
    this.doing(text);
  }

  /** What is being done, shown until something else is. */
  doing(text) {
    this.waiting.textContent = text;
  }

  /** A part of the stream. */
  part(part) {
    const { type, data, delta } = part;
    if (type === "data-status") this.doing(data.text);
    else if (type === "data-citation") this.view.citation(data);
    else if (type === "data-replaced") this.view.withdraw();
    else if (type === "text-delta") this.view.text(delta);
    gather(this.answer, part);
  }

  /** The stream has ended well. @param {string} id the answer's @param {() => void} again */
  finish(id, again) {
    this.waiting.remove();
    this.view.finish(this.answer);
    this.reply.append(this.actions(id, this.view.said, again));
  }

  /** A kept turn. @param {object} answer contract's fields @param {boolean} stopped */
  show(answer, stopped, again) {
    this.reply.textContent = "";
    const note = stopped ? remark(this.t.stoppedNote) : "";
    this.reply.append(answerNode(answer, this.options), note, this.actions(answer.id, answer.text, again));
  }

  /** It was stopped; what was said until then stays. */
  stop(again) {
    this.waiting.remove();
    this.view.finish(blank());
    this.reply.append(remark(this.t.stoppedNote), button(this.t.askAgain, again));
  }

  /** There is no answer. @param {string} why @param {number} wait seconds until another try @param {?Function} again */
  fail(why, wait, again) {
    const { t } = this;
    this.reply.textContent = "";
    this.reply.append(el("p", { class: "error" }, why));
    if (!again) return;
    const retry = button(t.retry, again);
    const countDown = (left) => {
      retry.disabled = left > 0;
      retry.textContent = left > 0 ? t.retryIn(left) : t.retry;
      if (left > 0) setTimeout(() => retry.isConnected && countDown(left - 1), 1000);
    };
    this.reply.append(retry);
    countDown(wait);
  }

  /** Copy, rate, ask again, see the receipt. */
  actions(id, text, again) {
    const { t, server } = this.options;
    const said = el("span", { class: "said" });
    const tell = (words) => {
      said.textContent = words;
      this.options.say(words);
    };
    const { up, down, form } = this.rating(id, tell);
    const link = pageLink(`${server}/answers/${encodeURIComponent(id)}`, t.receipt, t.newTab);
    const copy = button(t.copy, async () => tell(await this.copy(text)));
    const row = [copy, up, down, button(t.askAgain, again), link, said];
    return el("div", { class: "actions" }, el("p", { class: "row" }, row), form);
  }

  /** The two thumbs, and a line for what is wrong. What is said last counts. */
  rating(id, tell) {
    const { t, session } = this.options;
    const path = `/v1/answers/${encodeURIComponent(id)}/feedback`;
    const rate = async (rating, comment) => {
      const body = { rating, comment };
      const done = await session.call(path, { method: "POST", body }).then(() => true, () => false);
      if (session.ended) return;
      tell(done ? t.thanks : t.failed);
      if (!done) return;
      up.setAttribute("aria-pressed", String(rating === "up"));
      down.setAttribute("aria-pressed", String(rating === "down"));
      form.hidden = rating === "up" || comment !== undefined;
    };
    const up = button(t.up, () => rate("up"), { "aria-pressed": "false" });
    const down = button(t.down, () => rate("down"), { "aria-pressed": "false" });
    const comment = el("input", { maxlength: 1000, autocomplete: "off", "aria-label": t.what, placeholder: t.what });
    const submit = (event) => {
      event.preventDefault();
      rate("down", comment.value);
    };
    const form = el("form", { class: "comment", hidden: true, submit }, comment, el("button", {}, t.submit));
    return { up, down, form };
  }

  /** Put the answer's text with its sources on the clipboard, as plain text; whether that went well, in words. */
  async copy(text) {
    const { t } = this;
    const words = (source) => [...source.childNodes].map((part) => part.textContent.trim()).join(" ");
    const sources = [...this.reply.querySelectorAll(".sources summary")].map(words);
    const plain = [text.replace(/\[\^([^\]\s]{1,8})\]/g, "[$1]"), ...sources].join("\n");
    const { clipboard } = navigator;
    const copied = clipboard && (await clipboard.writeText(plain).then(() => true, () => false));
    return copied || copySelected(this.reply, plain) ? t.copied : t.notCopied;
  }
}

/** Without HTTPS browsers offer no clipboard: copy what is selected in a box made for it. */
function copySelected(parent, text) {
  const box = el("textarea", { class: "unseen", "aria-hidden": "true", tabindex: -1 });
  box.value = text;
  parent.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  return copied;
}
