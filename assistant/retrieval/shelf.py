"""The clauses of some policies, ready to be searched: made once, kept as long as the policies' texts are the same."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from assistant.errors import Unavailable
from assistant.policy import Clause, PolicyMeta
from assistant.retrieval.index import Entry, Index
from assistant.retrieval.wording import Wording
from assistant.store import policies
from assistant.store.database import Connection
from assistant.text import simplified

if TYPE_CHECKING:
    from assistant.retrieval.embed import Vectors

_MOST_KEPT = 32  # shelves: as many places have their questions answered without reading anything anew


class Shelf(NamedTuple):
    """Clauses that have a text, with their policies, their keys in the index, their vectors and their wording."""

    clauses: Sequence[tuple[PolicyMeta, Clause]]
    keys: Sequence[str]
    vectors: "Vectors"
    wording: Wording

    def nearest(self, vector: "Vectors", limit: int) -> dict[str, float]:
        """Keys of the clauses nearest to a vector of length one, with their cosines. Exact, unlike a graph's search."""
        cosines = self.vectors @ vector
        best = sorted(range(len(self.keys)), key=lambda number: -cosines[number])[:limit]
        return {self.keys[number]: float(cosines[number]) for number in best}


class Catalogue(NamedTuple):
    """All policies by id; the days on which successors take the place of some; files' hashes and vectors' names.

    `revision`: the same only as long as all of it is.
    """

    revision: Hashable
    metas: Mapping[str, PolicyMeta]
    replaced: Mapping[str, date]
    stamps: Mapping[str, tuple[str, str]]
    by_unit: Mapping[str, Sequence[str]]


_LOCK = Lock()
_shelves: dict[Hashable, Shelf] = {}
_catalogue: list[Catalogue] = []


def entry(meta: PolicyMeta, clause: Clause) -> Entry:
    """How a clause is indexed: under its heading and its text, in Simplified characters."""
    return Entry(meta.id, clause.locator, simplified(f"{clause.heading}\n{clause.text}"))


def catalogue(connection: Connection) -> Catalogue:
    """The policies there are."""
    current = policies.revision(connection)
    with _LOCK:
        if _catalogue and _catalogue[0].revision == current:
            return _catalogue[0]
    metas = {meta.id: meta for meta in policies.metas(connection)}
    by_unit = defaultdict[str, list[str]](list)
    for meta in metas.values():
        by_unit[meta.unit].append(meta.id)
    made = Catalogue(current, metas, policies.replaced([*metas.values()]), policies.stamps(connection), by_unit)
    with _LOCK:
        _catalogue[:] = [made]
    return made


def shelf(connection: Connection, index: Index, known: Catalogue, chosen: Iterable[str]) -> Shelf:
    """The clauses of the chosen policies. Headings without text are left out.

    Unavailable: the index can't be read, or lacks a clause of a policy that was wholly indexed: it has lost it.
    """
    wanted = sorted(chosen)
    name = known.revision, index.stamp, *wanted
    with _LOCK:
        if found := _shelves.pop(name, None):
            _shelves[name] = found  # the last used stays longest
            return found
    listed = policies.all_clauses(connection, wanted)
    clauses = [(known.metas[policy_id], clause) for policy_id, clause in listed if clause.text]
    entries = [entry(meta, clause) for meta, clause in clauses]
    keys = [one.key for one in entries]
    vectors = index.vectors(keys)
    whole = {name for name in wanted if known.stamps[name][1]}
    empty = [one for one, vector in zip(entries, vectors, strict=True) if one.policy_id in whole and not vector.any()]
    if (
        empty and index.embedder.embed([one.words for one in empty]).any()
    ):  # else they say nothing that a vector could be made of
        raise Unavailable("向量库里缺少政策的条款：请运行 xueshi ingest policies。")
    made = Shelf(clauses, keys, vectors, Wording([one.words for one in entries]))
    with _LOCK:
        _shelves[name] = made
        while len(_shelves) > _MOST_KEPT:
            del _shelves[next(iter(_shelves))]
    return made
