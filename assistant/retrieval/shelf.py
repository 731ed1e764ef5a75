"""The clauses of some policies, ready to be searched: made once, kept as long as the policies' texts are the same."""

from collections.abc import Mapping, Sequence
from datetime import date
from threading import Lock
from typing import NamedTuple

from assistant.policy import Clause, PolicyMeta
from assistant.retrieval.index import Entry
from assistant.retrieval.wording import Wording
from assistant.store import policies
from assistant.store.database import Connection
from assistant.text import simplified

_MOST_KEPT = 32  # shelves: as many places have their questions answered without reading anything anew


class Shelf(NamedTuple):
    """Clauses that have a text, with their policies, their keys in the index and their wording."""

    clauses: Sequence[tuple[PolicyMeta, Clause]]
    keys: Sequence[str]
    wording: Wording


class Catalogue(NamedTuple):
    """All policies by id; the days on which successors take the place of some; the hash of each one's files."""

    metas: Mapping[str, PolicyMeta]
    replaced: Mapping[str, date]
    hashes: Mapping[str, str]


_LOCK = Lock()
_shelves: dict[tuple[tuple[str, str], ...], Shelf] = {}
_catalogue: list[tuple[object, Catalogue]] = []


def entry(meta: PolicyMeta, clause: Clause) -> Entry:
    """How a clause is indexed: under its heading and its text, in Simplified characters."""
    return Entry(meta.id, clause.locator, simplified(f"{clause.heading}\n{clause.text}"))


def catalogue(connection: Connection, stamps: Mapping[str, tuple[str, str]]) -> Catalogue:
    """The policies there are; `stamps` as `policies.stamps` gives them."""
    with _LOCK:
        if _catalogue and _catalogue[0][0] == stamps:
            return _catalogue[0][1]
    metas = {meta.id: meta for meta in policies.metas(connection)}
    made = Catalogue(
        metas, policies.replaced([*metas.values()]), {name: sha256 for name, (sha256, _) in stamps.items()}
    )
    with _LOCK:
        _catalogue[:] = [(dict(stamps), made)]
    return made


def shelf(connection: Connection, known: Catalogue, chosen: Sequence[str]) -> Shelf:
    """The clauses of the chosen policies. Headings without text are left out."""
    name = tuple(sorted((policy_id, known.hashes[policy_id]) for policy_id in chosen))
    with _LOCK:
        if found := _shelves.pop(name, None):
            _shelves[name] = found  # the last used stays longest
            return found
    listed = policies.all_clauses(connection, [policy_id for policy_id, _ in name])
    clauses = [(known.metas[policy_id], clause) for policy_id, clause in listed if clause.text]
    entries = [entry(meta, clause) for meta, clause in clauses]
    made = Shelf(clauses, [one.key for one in entries], Wording([one.words for one in entries]))
    with _LOCK:
        _shelves[name] = made
        while len(_shelves) > _MOST_KEPT:
            del _shelves[next(iter(_shelves))]
    return made
