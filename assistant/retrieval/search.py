"""Which clauses a query is about: by meaning (Chroma) and by wording (BM25), over the policies of a place.

A clause is found in the place's own policies and in those of the places above it; another place's only where the query
names it.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assistant.errors import Unavailable
from assistant.identity import holds
from assistant.policy import Clause, PolicyMeta
from assistant.retrieval.index import Entry, Index
from assistant.retrieval.wording import Wording
from assistant.store import policies
from assistant.store.database import Connection

_SENTENCE = re.compile(r"[^。！？；\n]*[。！？；\n]?")
_LENGTH = 160  # characters that a quote may have, unless one sentence is longer
_NEAREST = 50


class Hit(NamedTuple):
    """A clause found; `score` from 0 to 2, `quote` the verbatim part asked about."""

    policy: PolicyMeta
    clause: Clause
    score: float
    quote: str


def entry(meta: PolicyMeta, clause: Clause) -> Entry:
    """How a clause is indexed: under its heading and its text."""
    return Entry(meta.id, clause.locator, meta.unit, f"{clause.heading}\n{clause.text}")


def search(connection: Connection, index: Index, query: str, place: str, limit: int = 5) -> list[Hit]:
    """The clauses most likely to answer `query` for somebody at `place`; headings without text are left out."""
    known = policies.metas(connection)
    near = _places(query, place, {meta.unit for meta in known})
    chosen = {meta.id: meta for meta in known if meta.unit in near}
    clauses = [(chosen[name], clause) for name, clause in policies.all_clauses(connection, list(chosen)) if clause.text]
    if not clauses:
        return []
    if any(
        vectors not in ("", index.stamp) for name, (_, vectors) in policies.stamps(connection).items() if name in chosen
    ):
        raise Unavailable("政策索引是用另一个向量模型或另一个向量库建的：请重新运行 xueshi ingest policies。")
    entries = [entry(meta, clause) for meta, clause in clauses]
    meaning = index.nearest(query, sorted(near), _NEAREST)
    by_meaning = [max(0.0, meaning.get(item.key, 0.0)) for item in entries]
    by_wording = Wording([item.words for item in entries]).scores(query)
    scores = [sum(pair) for pair in zip(_of_best(by_meaning), _of_best(by_wording), strict=True)]
    best = sorted(range(len(clauses)), key=lambda number: -scores[number])[:limit]
    return [
        Hit(meta, clause, scores[number], quote(clause.text, query))
        for number, (meta, clause) in ((number, clauses[number]) for number in best)
    ]


def quote(text: str, query: str) -> str:
    """The verbatim part of a clause that a query is about: its best sentence, with neighbours as far as they fit."""
    parts = sentences(text)
    scores = Wording(parts).scores(query)
    first = last = max(range(len(parts)), key=lambda number: scores[number])
    while True:
        before, after = "".join(parts[max(0, first - 1) : last + 1]), "".join(parts[first : last + 2])
        if last + 1 < len(parts) and len(after) <= _LENGTH:
            last += 1
        elif first > 0 and len(before) <= _LENGTH:
            first -= 1
        else:
            return "".join(parts[first : last + 1]).strip()


def sentences(text: str) -> list[str]:
    """The sentences of a text, which joined are the text again."""
    return [match.group() for match in _SENTENCE.finditer(text) if match.group()]


def _places(query: str, place: str, units: set[str]) -> set[str]:
    """The units whose policies are searched."""
    named = {unit for unit in units if any(name in query for name in _names(unit))}
    return named or {unit for unit in units if holds(unit, place)}


def _names(unit: str) -> set[str]:
    """What people call a place: 东莞市, 东莞."""
    last = unit.rsplit("/", 1)[-1]
    short = last.removesuffix("省").removesuffix("市").removesuffix("区").removesuffix("县")
    return {last, short} if len(short) > 1 else {last}


def _of_best(scores: Sequence[float]) -> list[float]:
    """Each as a share of the best, so that two kinds of score can be added."""
    best = max(scores, default=0.0)
    return [score / best if best > 0 else 0.0 for score in scores]
