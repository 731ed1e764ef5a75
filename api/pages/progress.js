import { bar, categoryBar, viewerAt } from "./answer.js";
import { el, pageLink, place, remark } from "./dom.js";

/** What the card of the asker's own progress says. @param {object} me what /v1/me said @param {object} t words */
export function progressParts({ outcome, calculation: made, citations }, t, server) {
  if (!made) return [remark(outcome === "no_rule" ? t.noRule : t.noProgress)];
  const [before, after] = t.remaining;
  const left = made.met ? t.met : [before, el("strong", {}, made.remaining), after];
  const link = (citation) => pageLink(viewerAt(server, citation), place(citation.locator), t.newTab);
  const clauses = new Map(citations.map((citation) => [citation.url, link(citation)]));
  return [
    el("p", { class: made.met ? "remaining met" : "remaining" }, left),
    remark(t.sum(made)),
    bar(made.counted, made.required),
    made.carried_forward ? el("p", { class: "stale" }, t.stale) : "",
    outcome === "no_records" ? remark(t.noRecords) : "",
    el("ul", { class: "bars" }, made.categories.map((line) => categoryBar(line, t))),
    made.pending === "0" ? "" : remark(t.pending(made.pending, made.remaining_if_approved)),
    remark(t.basis, [...clauses.values()].map((link, at) => [at ? t.joined : "", link])),
  ];
}
