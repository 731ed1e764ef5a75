import { bringTo, button, details, el, lines, pageLink, place, remark, table } from "./dom.js";
import { words } from "./words.js";

/** A mark with the punctuation behind it; a mark, or its beginning, that the next part may go on with. */
const MARK = /\[\^([^\]\s]{1,8})\]([，。、；：！？）》”’]*)/;
const CUT_MARK = /\[(\^[^\]\s]{0,8}\]?)?$/;

/** One answer, conclusion first. It may come in parts: citations, then text, then everything else. */
export class AnswerView {
  /**
   * @param {object} options
   * @param {object} [options.t] words
   * @param {string} [options.server] the origin that links lead to
   * @param {(path: string) => Promise<string>} [options.save] fetches a table's file and tells how that went;
   *   without it none is offered
   */
  constructor({ t = words("zh"), server = "", save } = {}) {
    this.prose = el("div", { class: "prose" });
    this.node = el("div", { class: "answer" }, this.prose);
    this.list = el("ol");
    Object.assign(this, { t, server, save, sources: new Map(), said: "", rest: "", early: false });
  }

  /** Know a citation. A mark whose citation isn't known stays plain text. */
  citation(citation) {
    if (this.sources.has(citation.id)) return;
    const item = this.source(citation);
    this.sources.set(citation.id, item);
    this.list.append(item);
  }

  /** The next part of the text; a mark at its end waits for what comes next. */
  text(part) {
    this.said += part;
    const [cut] = CUT_MARK.exec(this.rest + part) || [""];
    const whole = (this.rest + part).slice(0, -cut.length || undefined);
    this.rest = cut;
    whole.split(/\n+/).forEach((line, at) => {
      if (at || !this.prose.lastChild) this.prose.append(el("p", { class: "conclusion" }));
      this.prose.lastChild.append(...this.marked(line));
    });
  }

  /** The text so far is withdrawn. */
  withdraw() {
    this.prose.textContent = this.said = this.rest = "";
  }

  /** All that comes with the text. @param {object} answer contract's fields */
  finish({ outcome, calculation: made, projection, plan, tables }) {
    const { t, said } = this;
    if (this.early) {
      this.withdraw();
      this.text(said);
    }
    this.prose.querySelectorAll(".conclusion:empty").forEach((blank) => blank.remove());
    if (this.rest) this.prose.lastChild.append(...this.marked(this.rest));
    if (t.outcomes[outcome]) this.prose.before(el("p", { class: "outcome" }, t.outcomes[outcome]));
    const parts = made ? [this.calculation(t.calculation, made, !projection)] : [];
    if (projection) parts.push(this.assumption(projection));
    if (plan && plan.length) parts.push(this.plan(plan));
    const sources = el("section", { class: "sources" }, el("h3", {}, t.sources), this.list);
    this.node.append(...parts, ...tables.map((given) => this.table(given)), this.sources.size ? sources : "");
  }

  /** Text whose marks have become buttons; no line begins with the punctuation behind one. */
  marked(text) {
    const parts = text.split(MARK); // text, a mark's id, punctuation, text ...
    const kept = (id, behind) => (behind ? el("span", { class: "kept" }, this.cite(id), behind) : this.cite(id));
    return parts.map((part, at) => (at % 3 === 0 ? part : at % 3 === 1 ? kept(part, parts[at + 1]) : ""));
  }

  /** The button that opens a citation's quote. */
  cite(id) {
    const item = this.sources.get(id);
    if (!item) {
      this.early = true; // a language model's text may come before its citations
      return id ? `[${id}]` : "";
    }
    const open = ({ currentTarget }) => {
      this.sources.forEach((other) => {
        other.classList.toggle("marked", other === item);
        other.querySelector(".back").hidden = other !== item;
      });
      item.from = currentTarget; // where 回到正文 leads
      item.firstChild.open = true;
      bringTo(item.firstChild.firstChild, "nearest");
      item.scrollIntoView({ block: "nearest" });
    };
    return button(id, open, { class: "cite", "aria-label": this.t.source(id) });
  }

  source({ id, title, number, locator, text, quote, url }) {
    const { t, server } = this;
    const kind = el("span", { class: "kind" }, text === "original" ? t.original : t.digest);
    const where = el("span", { class: "place" }, place(locator));
    const name = [el("span", { class: "mark" }, id), `《${title}》${number || ""} `, where, kind];
    const back = ({ currentTarget }) => bringTo(currentTarget.closest("li").from, "nearest");
    const href = viewerAt(server, { url, quote });
    const link = href ? pageLink(href, t.toClause, t.newTab) : "";
    const links = el("p", { class: "links" }, link, button(t.toText, back, { class: "quiet back", hidden: true }));
    return el("li", {}, details(name, false, el("blockquote", {}, lines(quote)), links));
  }

  /** `open`: whether what was not counted is unfolded. */
  calculation(title, made, open) {
    const { t } = this;
    const rows = made.categories.map(({ category, required, recorded, counted, shortfall, citation }) => {
      const [least, short] = required === null ? [t.unset, "—"] : [required, shortfall];
      return [category, least, recorded, counted, short, this.cite(citation)];
    });
    rows.push([t.total, made.required, "", made.counted, made.remaining, ""]);
    const bars = made.categories.map((line) => categoryBar(line, t, this.cite(line.citation)));
    const parts = [el("h3", {}, t.period(title, made.from, made.to)), el("ul", { class: "bars" }, bars)];
    if (made.carried_forward) parts.unshift(el("p", { class: "stale" }, t.stale));
    if (made.pending !== "0") parts.push(remark(t.pending(made.pending, made.remaining_if_approved)));
    const item = (text, part) => el("li", {}, text, this.cite(part.citation), this.records(part.record_ids));
    if (made.not_counted.length) parts.push(details(t.notCounted, open, this.notCounted(made.not_counted, item)));
    const steps = made.steps.map((step) => item(step.text, step));
    const sums = table(t.table(title), t.sums, rows, { class: "sums" });
    return el("section", {}, parts, details(t.steps(steps.length), false, el("ol", {}, steps), sums));
  }

  /** What was not counted, that of other periods folded: there may be years of it. */
  notCounted(all, item) {
    const { t } = this;
    const line = (part) => item(t.notCountedItem(part.hours, t.why[part.why]), part);
    const list = (parts) => (parts.length ? el("ul", {}, parts.map(line)) : "");
    const [older, others] = [true, false].map((is) => all.filter(({ why }) => (why === "outside_period") === is));
    return [list(others), older.length ? details(t.outside(older.length), false, list(older)) : ""];
  }

  /** The records that something rests on: a few are named at once, many on demand. */
  records(ids) {
    const names = el("span", { class: "records" }, ids.join(this.t.joined));
    return ids.length < 4 ? names : details(this.t.records(ids.length), false, names);
  }

  assumption(made) {
    const { t } = this;
    const list = made.assumed.map(({ category, organiser, hours }) => t.assumedItem(category, organiser, hours));
    const note = el("p", {}, t.assumed(list.join(t.joined)));
    const after = this.calculation(t.projection, made, false);
    return el("section", { class: "projection" }, el("h3", {}, t.projection), note, after);
  }

  plan(plan) {
    const { any, plan: caption, planColumns } = this.t;
    const row = ({ category, hours, organiser, title, citation }) =>
      [category, hours, organiser || any, title || any, this.cite(citation)];
    return table(caption, planColumns, plan.map(row));
  }

  table({ caption, columns, rows, total_rows: total, export_url: file }) {
    const { t, save } = this;
    if (!rows.length) return remark(t.none(caption));
    const cells = rows.map((row) => row.map((cell) => (cell.includes("[^") ? this.marked(cell) : cell)));
    const shown = table(caption + (total > rows.length ? t.cut(total, rows.length) : ""), columns, cells);
    // Only a path of the server's own: a token goes nowhere else.
    const offered = save && file && /^\/v1\/[^\\]*$/.test(file);
    if (!offered) return el("section", {}, shown);
    const said = el("span", { class: "said" });
    const click = async () => (said.textContent = await save(file));
    const named = { class: "quiet", "aria-label": t.exportOf(caption) };
    return el("section", {}, shown, el("p", {}, button(t.export, click, named), said));
  }
}

/** The parts of a whole answer, conclusion first. @returns {HTMLElement} */
export function answerNode(answer, options) {
  const view = new AnswerView(options);
  answer.citations.forEach((citation) => view.citation(citation));
  view.text(answer.text);
  view.finish(answer);
  return view.node;
}

/** The policy viewer at a citation's clause, which marks the quote; null: not an address of a policy. */
export function viewerAt(server, { url, quote }) {
  const [, path, locator] = /^(\/policies\/[^/?#\\]+)(#.*)?$/.exec(url) || [];
  return path ? `${server}${path}?quote=${encodeURIComponent(quote)}${locator || ""}` : null;
}

/** A category's state in words, with a bar that is only a picture of them. */
export function categoryBar({ category, required, counted, shortfall }, t, cited = "") {
  const text = el("span", {}, category, " ", el("small", {}, t.counted(counted, required)), cited);
  if (required === null) return el("li", {}, text, remark(t.unset));
  const state = shortfall === "0" ? ["met", t.categoryMet] : ["short", t.short(shortfall)];
  return el("li", {}, text, el("span", { class: state[0] }, state[1]), bar(counted, required));
}

/** Only a picture of the figures beside it, so not for screen readers. */
export const bar = (value, max) => el("progress", { value: Math.min(value, max), max, "aria-hidden": "true" });
