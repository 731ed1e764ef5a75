import { button, el } from "./dom.js";

/** One's own conversations, the latest first. */
export class History {
  /**
   * @param {object} t words
   * @param {import("./session.js").Session} session
   * @param {{open: (id: string) => void, deleted: (id: string) => void, say: (text: string) => void}} owner
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
    const said = new Date(at).toLocaleString(t.lang, { dateStyle: "short", timeStyle: "short" });
    const time = el("time", { datetime: at }, said);
    const remove = button(t.remove, () => {
      if (remove.classList.toggle("sure")) remove.textContent = t.really;
      else this.remove(id, item);
    }, { class: "quiet", "aria-label": `${t.remove} ${title}` });
    remove.addEventListener("blur", () => {
      remove.classList.remove("sure");
      remove.textContent = t.remove;
    });
    const item = el("li", {}, button([title, " ", time], () => owner.open(id), { class: "thread" }), remove);
    return item;
  }

  async remove(id, item) {
    const { t, session, owner, node } = this;
    const deleting = session.fetch(`/v1/threads/${encodeURIComponent(id)}`, { method: "DELETE" });
    const problem = await deleting.then(() => null, (error) => error);
    if (session.ended) return;
    if (problem && problem.status !== 404) return owner.say(problem.message || t.unreachable);
    item.remove();
    node.focus({ preventScroll: true });
    owner.deleted(id);
    owner.say(t.removed);
  }
}
