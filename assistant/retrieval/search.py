"""Which clauses a query is about: by meaning (Chroma) and by wording (BM25 and a thesaurus), over policies in force.

A clause is found in the policies of the asker's place and of the places above it; another place's only where the query
names it, or where all places are asked for alike. Policies that didn't hold at the time asked about are left out.
"""

import re
from collections.abc import Collection, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple

from assistant.errors import Unavailable
from assistant.identity import holds
from assistant.policy import Clause, PolicyMeta
from assistant.retrieval.index import Index
from assistant.retrieval.shelf import Catalogue, catalogue, shelf
from assistant.retrieval.shelf import entry as entry
from assistant.retrieval.wording import Wording, plain
from assistant.store.database import Connection
from assistant.watch import Retrieved, staged, tell

_SENTENCE = re.compile(r"[^。！？；;\n]*[。！？；;\n]?")
_LENGTH = 160  # characters that a quote may have, unless one sentence is longer
# Questions for a time or an amount, and sentences that say one: of two about the same words that one is quoted.
_WANTED = (
    (
        re.compile("什么时候|啥时候|何时|几[月号点]|哪[天年]|最迟|最晚|截止|期限|多久"),
        re.compile(r"\d[日月年天]|年内|[一二三四五十]年"),
    ),
    (re.compile("多少|几|比例|上限|最多|最少|至少"), re.compile(r"\d|百分之|[一二三四五六七八九十]+[年次门个类]")),
)
_FITTING = 1.5
_NEAREST = 100
_MOST = 1000  # policies whose wording is kept ready; of more, only those nearest in meaning are read
_MEANING, _WORDING = 2 / 3, 1 / 3  # chosen on evals/questions/tuning.yaml, for places trained on and places not


class Hit(NamedTuple):
    """A clause found; `score` from 0 to 1 among those searched, `quote` the verbatim part asked about.

    `near`: the cosine of clause and query by the shipped model; None by any other, whose cosines have another meaning.
    """

    policy: PolicyMeta
    clause: Clause
    score: float
    quote: str
    near: float | None


@staged("search")
def search(
    connection: Connection,
    index: Index,
    query: str,
    place: str,
    limit: int = 5,
    year: int | None = None,
    anywhere: bool = False,
    today: date | None = None,
) -> list[Hit]:
    """The clauses most likely to answer `query` for somebody at `place`, best first.

    Searched are the policies that held in `year`; without one, those that no successor has taken the place of by
    `today` (None: ever). A policy that has ended without a successor is found too. `anywhere`: all places' alike.
    Unavailable: the vectors are another model's, or can't be read.
    """
    said, known = plain(query), catalogue(connection)
    units = known.by_unit if anywhere else _places(said, place, known.by_unit)
    chosen = [name for unit in units for name in known.by_unit[unit] if _holds(known, known.metas[name], year, today)]
    if not index.holds(known.stamps[name][1] for name in chosen):
        raise Unavailable("政策索引是用另一个向量模型或另一个向量库建的：请重新运行 xueshi ingest policies。")
    if len(chosen) > _MOST:
        everything = len(chosen) == len(known.metas)
        meaning = index.nearest(said, None if everything else chosen, _NEAREST)
        if not meaning:
            raise Unavailable("向量库里没有政策的索引：请运行 xueshi ingest policies。")
        shelved = shelf(connection, index, known, {*chosen} & {key.partition("#")[0] for key in meaning})
    else:
        shelved = shelf(connection, index, known, chosen)
        meaning = shelved.nearest(index.embedder.embed([said])[0], _NEAREST)
    scores = fused([meaning.get(key, 0.0) for key in shelved.keys], shelved.wording.scores(said))
    best = sorted((number for number, score in enumerate(scores) if score > 0), key=lambda number: -scores[number])[
        :limit
    ]
    hits = []
    for number in best:
        meta, clause = shelved.clauses[number]
        near = meaning.get(shelved.keys[number], 0.0) if index.embedder.shipped else None
        hits.append(Hit(meta, clause, scores[number], quote(clause.text, query), near))
    tell(Retrieved(max(meaning.values(), default=0.0) if hits else None))
    return hits


def fused(meaning: Sequence[float], wording: Sequence[float]) -> list[float]:
    """Scores from 0 to 1 of texts by their cosines with a query and their BM25 for it, each as a share of the best."""
    pairs = zip(_of_best([max(0.0, cosine) for cosine in meaning]), _of_best(wording), strict=True)
    return [_MEANING * near + _WORDING * shared for near, shared in pairs]


def quote(text: str, query: str) -> str:
    """The verbatim part of a clause that a query is about: its best sentence, with neighbours as far as they fit."""
    parts, wording = _parts(text)
    scores = wording.scores(query)
    for asked, said in _WANTED:
        if asked.search(query):
            scores = [score * (_FITTING if said.search(part) else 1) for part, score in zip(parts, scores, strict=True)]
    first = last = max(range(len(parts)), key=lambda number: scores[number])
    while True:
        before, after = "".join(parts[max(0, first - 1) : last + 1]), "".join(parts[first : last + 2])
        if last + 1 < len(parts) and len(after) <= _LENGTH:
            last += 1
        elif first > 0 and len(before) <= _LENGTH:
            first -= 1
        else:
            return "".join(parts[first : last + 1]).strip()


@lru_cache(maxsize=2000)
def _parts(text: str) -> tuple[list[str], Wording]:
    """A clause's sentences and their wording: the same clauses are found again and again."""
    parts = sentences(text)
    return parts, Wording(parts)


def sentences(text: str) -> list[str]:
    """The sentences of a text, which joined are the text again."""
    return [match.group() for match in _SENTENCE.finditer(text) if match.group()]


def _holds(known: Catalogue, meta: PolicyMeta, year: int | None, today: date | None) -> bool:
    """Whether a policy is one to search for a year, or for now. It may have ended, as long as nothing replaced it."""
    replaced = known.replaced.get(meta.id)
    if year is None:
        return replaced is None or (today is not None and today < replaced)
    begun = meta.effective_from <= date(year, 12, 31)
    return begun and (replaced is None or replaced > date(year, 1, 1))


def _places(query: str, place: str, units: Collection[str]) -> set[str]:
    """The units whose policies are searched: the place's own and those above, or those that the query names."""
    own = {unit for unit in units if holds(unit, place)}
    named = {unit for unit in units if any(name in query for name in _names(unit))}
    return named if named - own else own


@cache
def _names(unit: str) -> frozenset[str]:
    """What people call a place: 东莞市, 东莞."""
    last = unit.rsplit("/", 1)[-1]
    short = last.removesuffix("省").removesuffix("市").removesuffix("区").removesuffix("县")
    return frozenset({last, short} if len(short) > 1 else {last})


def _of_best(scores: Sequence[float]) -> list[float]:
    """Each as a share of the best, so that two kinds of score can be added."""
    best = max(scores, default=0.0)
    return [score / best if best > 0 else 0.0 for score in scores]
