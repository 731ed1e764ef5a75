import { Composer } from "./composer.js";
import { button, el } from "./dom.js";
import { isTouch } from "./enter.js";
import { History } from "./history.js";
import { progressParts } from "./progress.js";
import { lendToken, Problem } from "./session.js";
import { Run } from "./stream.js";
import { follow } from "./theme.js";
import { Turn } from "./turn.js";
import { words } from "./words.js";

const NEAR = 80; // pixels from the end within which a growing answer moves what is seen

/** One account's conversation. It is thrown away whole when the account changes, so that nothing of it can linger. */
export class Chat {
  /**
   * @param {import("./session.js").Session} session
   * @param {object} options
   * @param {?string} [options.lang]
   * @param {?string} [options.theme] light, dark, or as the system is set
   * @param {() => void} [options.close] closes the panel that the chat is in; without it there is nothing to close
   * @param {(me: object) => void} [options.opened] told who is signed in
   */
  constructor(session, { lang, theme, close, opened = () => {} } = {}) {
    const t = words(lang);
    const say = (text) => (this.status.textContent = text);
    Object.assign(this, { session, t, say, thread: null, run: null, wanted: null, asking: false, me: null, opened });
    this.status = el("p", { class: "unseen", role: "status" });
    this.notice = el("div", { class: "notice", hidden: true });
    this.progress = el("section", { class: "progress", "aria-label": t.progress });
    // Not live: a screen reader would be flooded by every part. The status line tells what matters.
    this.log = el("div", { class: "log", role: "log", "aria-live": "off", "aria-label": t.conversation });
    this.body = el("div", { class: "body", tabindex: -1 }, this.progress, this.log);
    this.history = new History(t, session, {
      open: (id) => this.openThread(id),
      deleted: (id) => id === this.thread && this.begin(),
      say,
      tell: (text) => this.tell(text),
    });
    this.composer = new Composer(t, { send: (text, touch) => this.send(text, touch), stop: () => this.stop(), say });
    this.node = el("div", { class: "xueshi", lang: t.lang }, this.bar(close), this.notice, this.body,
      this.history.node, this.composer.node, this.status);
    this.undo = [lendToken(session), follow(this.node, theme), this.watchNetwork()];
    this.options = { t, session, server: session.server, say, save: (path) => this.save(path) };
  }

  /** The name and what can be done beside asking. */
  bar(close) {
    const { t } = this;
    const closing = close ? button("×", close, { class: "close", "aria-label": t.close }) : "";
    this.past = button(t.history, () => this.showHistory(this.history.node.hidden), { "aria-expanded": "false" });
    const fresh = button(t.newThread, () => this.begin(true));
    const name = [el("h2", {}, t.title), el("span", { class: "motto" }, t.motto)];
    return el("div", { class: "bar" }, name, fresh, this.past, closing);
  }

  /** Forget everything and stop listening. */
  destroy() {
    this.session.end();
    this.undo.forEach((undo) => undo());
    this.node.remove();
  }

  /** What the chat is doing, for its looks. */
  set state(state) {
    this.node.dataset.state = state;
  }

  /** Find out who is signed in, and offer something to ask. */
  async open() {
    const opening = (this.opening = {});
    const over = () => this.session.ended || this.opening !== opening;
    this.state = "loading";
    this.tell(this.t.opening);
    try {
      const me = await this.session.call("/v1/me");
      if (over()) return;
      this.tell("");
      this.me = me;
      this.opened(me);
      this.progress.textContent = "";
      if (me.teacher_id) this.progress.append(...progressParts(me, this.t, this.session.server));
      this.progress.hidden = !me.teacher_id;
      this.signedIn(true);
      if (this.log.firstChild) this.state = "done";
      else this.begin();
      this.say(this.t.opened);
    } catch (problem) {
      if (!over()) this.refused(problem, () => this.open());
    }
  }

  /** Somebody else may have signed in: what is open is seen again once it is known to be the same account's. */
  verify() {
    this.session.forget();
    this.signedIn(false);
    return this.open();
  }

  /** Go to where one writes; by touch that would only bring up the keyboard. */
  focus() {
    if (!isTouch()) this.composer.focus();
  }

  /** A line above the conversation, and what can be done about it. */
  tell(text, label, action) {
    this.notice.textContent = "";
    this.notice.append(el("p", {}, text), label ? button(label, action) : "");
    this.notice.hidden = !text;
    if (text) this.say(text);
  }

  /** A notice that asks for nothing goes with whatever is done next. */
  dismiss() {
    if (!this.notice.querySelector("button")) this.tell("");
  }

  /** Why nothing can be shown; `again` tries once more. */
  refused(problem, again) {
    const out = problem.status === 401;
    this.state = out ? "signed-out" : "error";
    if (out) this.signedIn(false);
    this.tell(this.why(problem), out ? this.t.signIn : this.t.retry, out ? () => this.open() : again);
  }

  /** Whose conversation it is must be known for it to be seen; the draft stays either way. */
  signedIn(yes) {
    this.body.hidden = this.composer.node.hidden = !yes;
    if (!yes) this.showHistory(false);
  }

  why({ status, message }) {
    const { t } = this;
    if (status === 401) return t.signedOut;
    if (status === 0) return navigator.onLine ? t.unreachable : t.offline;
    if (status === undefined) return t.broken; // our own mistake, not the server's
    return message || t.failed;
  }

  watchNetwork() {
    const changed = () => {
      const waiting = this.node.dataset.state === "error" && !this.me;
      if (!navigator.onLine) this.tell(this.t.offline);
      else if (waiting) this.open();
      else if (this.node.dataset.state !== "signed-out") this.tell("");
    };
    const names = ["online", "offline"];
    names.forEach((name) => window.addEventListener(name, changed));
    return () => names.forEach((name) => window.removeEventListener(name, changed));
  }

  // Threads.

  /** A new conversation. */
  begin(move) {
    this.leave();
    const { t, me } = this;
    this.state = "empty";
    const [own, others] = [me && me.teacher_id, me && me.role !== "teacher"];
    this.offer([...(own ? t.first : []), ...(others ? t.firstOfUnit : []), ...(own ? [] : t.firstOfOthers)], t.welcome);
    if (move) this.composer.focus();
  }

  /** Leave the conversation that is open. A run that goes on is kept by the server, to be found in the history. */
  leave() {
    this.showHistory(false);
    this.run = this.thread = null;
    this.working(false);
    this.log.textContent = "";
  }

  showHistory(shown) {
    this.wanted = null; // a conversation that is still on its way is no longer waited for
    this.dismiss();
    this.past.setAttribute("aria-expanded", String(shown));
    this.past.textContent = shown ? this.t.back : this.t.history;
    this.body.classList.toggle("behind", shown);
    if (shown) this.history.show();
    else this.history.hide();
  }

  async openThread(id) {
    const wanted = (this.wanted = {});
    const over = () => this.session.ended || this.wanted !== wanted;
    try {
      const { turns } = await this.session.call(`/v1/threads/${encodeURIComponent(id)}`);
      if (over()) return;
      this.leave();
      this.thread = id;
      turns.forEach(({ question, answer, answer_id: answerId, stopped, run_id: runId }) => {
        const turn = this.add(question);
        if (answer) turn.show(answer, stopped, () => this.ask(question, true));
        else if (runId) this.follow(turn, new Run(this.session, id, question, runId, answerId), true);
        else turn.fail(this.t.expired, 0, () => this.ask(question, true, turn));
      });
      const last = turns[turns.length - 1];
      if (last && last.answer) this.offer(last.answer.suggestions, this.t.more);
      if (!this.run) this.state = "done";
      this.body.focus({ preventScroll: true });
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.say(this.t.opened);
    } catch (problem) {
      if (over()) return;
      if (problem.status === 401) this.refused(problem);
      else this.tell(this.why(problem));
    }
  }

  // Asking.

  /** A question from the box; whether it was taken. */
  send(question, touch) {
    if (this.asking) {
      this.composer.note(this.t.busy);
      return false;
    }
    this.ask(question, touch); // a touch keyboard would cover the answer: without focus it goes
    return true;
  }

  offer(questions, title) {
    const choose = (question) => (question.startsWith("（") ? this.composer.fillIn(question) : this.ask(question, true));
    const items = questions.map((question) => el("li", {}, button(question, () => choose(question))));
    if (items.length) this.log.append(el("div", { class: "suggestions" }, el("p", {}, title), el("ul", {}, items)));
  }

  add(question) {
    this.log.querySelectorAll(".suggestions").forEach((old) => old.remove());
    const turn = new Turn(question, this.options);
    this.log.append(turn.node);
    return turn;
  }

  working(yes) {
    this.asking = this.composer.busy = yes;
  }

  /** Ask. `move`: whether focus goes to the new turn; `old`: the turn whose place it takes. */
  ask(question, move, old) {
    if (this.asking) return this.composer.note(this.t.busy);
    this.showHistory(false);
    if (old) old.node.remove();
    return this.follow(this.add(question), new Run(this.session, this.thread, question), move);
  }

  /** Show a run as it comes. */
  async follow(turn, run, move) {
    this.run = run;
    this.working(true);
    turn.wait(this.t.searching);
    if (move) turn.node.focus({ preventScroll: true });
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.state = "loading";
    this.say(this.t.answering);
    const mine = () => !this.session.ended && this.run === run;
    try {
      for await (const part of run.parts()) {
        if (!mine()) return;
        this.take(turn, run, part);
      }
      if (mine()) await this.end(turn, run);
    } catch (problem) {
      if (mine()) await this.fail(problem, turn, run);
    }
    if (!mine()) return;
    this.run = null;
    this.working(false);
  }

  /** A part of the stream. */
  take(turn, run, part) {
    if (part.type === "lost") {
      this.state = "offline";
      return turn.doing(navigator.onLine ? this.t.lost : this.t.offline);
    }
    this.thread = run.thread;
    this.following(turn, () => turn.part(part));
    this.state = turn.view.said ? "streaming" : "loading";
    if (part.type === "start") turn.doing(this.t.searching);
    return undefined;
  }

  /** Have what is seen follow a growing answer whose end is in sight, as far as its beginning stays in sight. */
  following(turn, grow) {
    const { scroller } = this;
    const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    grow();
    if (!near) return;
    const top = turn.node.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    scroller.scrollTop = Math.min(scroller.scrollHeight, top);
  }

  /** What scrolls: the conversation, or everything where the screen is too low for both it and the box. */
  get scroller() {
    return getComputedStyle(this.body).overflowY === "visible" ? this.node : this.body;
  }

  /** The run has ended. What the stream did not tell, the thread does. */
  async end(turn, run) {
    const again = () => this.ask(turn.question, true);
    const { finished, fault } = run;
    if (fault) throw new Problem(500, fault);
    if (finished === "abort" || (run.stopping && !finished)) {
      turn.stop(again);
      this.state = "stopped";
      return this.say(this.t.stopped);
    }
    if (finished) this.following(turn, () => turn.finish(run.answer, again));
    else await this.showKept(turn, run, again);
    this.state = "done";
    const [first] = turn.reply.querySelectorAll(".conclusion");
    this.say(this.t.ready(first ? first.textContent : ""));
    return this.following(turn, () => this.offer(turn.answer.suggestions, this.t.more));
  }

  async showKept(turn, run, again) {
    const { turns } = await this.session.call(`/v1/threads/${encodeURIComponent(run.thread)}`);
    const kept = turns.find((one) => one.answer_id === run.answer);
    if (!kept || !kept.answer) throw new Problem(410, this.t.expired);
    turn.show(kept.answer, kept.stopped, again);
    turn.answer = kept.answer;
  }

  /** Say why there is no answer. The question goes back to the box unless another has been begun there. */
  async fail(problem, turn, run) {
    if (problem.status === 410 && run.thread && !run.finished) {
      const shown = this.showKept(turn, run, () => this.ask(turn.question, true));
      if (await shown.then(() => true, () => false)) return void (this.state = "done");
    }
    if (!this.composer.draft.trim()) this.composer.draft = turn.question;
    if (problem.status === 401) {
      turn.node.remove();
      return this.refused(problem);
    }
    if (problem.status === 404) this.thread = null; // that conversation is gone: go on in a new one
    this.state = problem.status === 429 ? "limited" : "error";
    const again = () => {
      if (this.composer.draft.trim() === turn.question) this.composer.draft = "";
      this.ask(turn.question, true, turn);
    };
    turn.fail(this.why(problem), problem.wait, problem.status === 422 ? null : again);
    return this.say(this.why(problem));
  }

  stop() {
    if (this.run) this.run.stop().catch(() => this.session.ended || this.composer.note(this.t.notStopped));
  }

  /** Save a table's file, fetched with the token; what came of it, in words. */
  async save(path) {
    const outcome = await this.download(path).then(() => this.t.saved, (problem) => this.why(problem));
    if (!this.session.ended) this.say(outcome);
    return outcome;
  }

  async download(path) {
    const response = await this.session.fetch(path);
    const [, name] = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") || "") || [];
    const address = URL.createObjectURL(await response.blob());
    el("a", { href: address, download: name || path.split(/[?]/)[0].split("/").pop() }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }
}
