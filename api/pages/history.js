import { apart, button, el } from "./dom.js";

/** One's own conversations, the latest first. */
export class History {
  /**
   * @param {object} t words
   * @param {import("./session.js").Session} session
   * @param {{open: (id: string) => void, deleted: (id: string) => void, say: (text: string) => void,
   *   tell: (text: string) => void}} owner `tell` shows, too, what `say` says to a screen reader
   */
  constructor(t, session, owner) {
    this.node = el("section", { class: "history", tabindex: -1, "aria-label": t.history, hidden: true });
    Object.assign(this, { t, session, owner });
  }

  /** Fetch and show them. */
  async show() {
    const { t, session, node } = this;
    node.textContent = "";
    node.append(el("h3", {}, t.history), el("p", { class: "waiting" }, t.opening));
    node.hidden = false;
    node.focus({ preventScroll: true });
    const { threads, problem } = await session.call("/v1/threads").catch((error) => ({ problem: error }));
    if (session.ended) return;
    node.lastChild.remove();
    if (problem) node.append(el("p", { class: "error" }, problem.message || t.unreachable));
    else if (!threads.length) node.append(el("p", {}, t.noThreads));
    else node.append(el("ul", {}, threads.map((thread) => this.item(thread))));
  }

  hide() {
    this.node.hidden = true;
  }

  /** One conversation: opened by its title, deleted by two presses. */
  item({ id, title, asked_at: at }) {
    const { t, owner } = this;
    const about = { dateStyle: "short", timeStyle: "short", timeZone: "Asia/Shanghai" }; // as on every other page
    const said = new Date(at).toLocaleString(t.lang, about);
    const time = el("time", { datetime: at }, said);
    const remove = button("", ({ detail }) => {
      if (!remove.classList.contains("sure")) ask(true);
      else if (detail < 2) this.remove(id, item); // a double click is one press
    }, { class: "quiet" });
    const ask = (sure) => {
      remove.classList.toggle("sure", sure);
      remove.textContent = sure ? t.really : t.remove;
      remove.setAttribute("aria-label", `${remove.textContent} ${title}`);
    };
    ask(false);
    remove.addEventListener("blur", () => ask(false));
    const item = el("li", {}, button([apart(title), " ", time], () => owner.open(id), { class: "thread" }), remove);
    return item;
  }

  async remove(id, item) {
    const { t, session, owner, node } = this;
    const deleting = session.fetch(`/v1/threads/${encodeURIComponent(id)}`, { method: "DELETE" });
    const problem = await deleting.then(() => null, (error) => error);
    if (session.ended) return;
    if (problem && problem.status !== 404) return owner.tell(problem.message || t.unreachable);
    item.remove();
    node.focus({ preventScroll: true });
    owner.deleted(id);
    owner.say(t.removed);
  }
}
