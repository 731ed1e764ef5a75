"""Policies as indexed: metadata, clauses, rules. The truth about texts; the vector store only helps to find them."""

import secrets
from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from assistant.errors import Unavailable
from assistant.policy import Clause, Original, Policy, PolicyMeta
from assistant.rules.find import RuleSet
from assistant.rules.schema import RuleFile
from assistant.store.tables import ClauseRow, OriginalRow, PolicyRow, Revision
from assistant.text import is_text

_NAME = "policies"
_MOST_KEPT = 200  # policies kept ready
# Built once: a statement made anew would be compiled, or at least looked up, anew.
_TOKEN = select(Revision.token).where(Revision.name == _NAME)
_ROW = select(PolicyRow.meta, PolicyRow.sha256).where(PolicyRow.id == bindparam("policy"))
_CLAUSES = (
    select(ClauseRow.locator, ClauseRow.heading, ClauseRow.text, ClauseRow.kind)
    .where(ClauseRow.policy_id == bindparam("policy"))
    .order_by(ClauseRow.position)
)

_NAMED = select(ClauseRow.policy_id, ClauseRow.locator, ClauseRow.heading, ClauseRow.text, ClauseRow.kind).where(
    ClauseRow.policy_id.in_(bindparam("policies", expanding=True)),
    ClauseRow.locator.in_(bindparam("locators", expanding=True)),
)


class PolicyVersion(NamedTuple):
    """Which version of a policy is indexed: `sha256` is of its files."""

    title: str
    sha256: str


def stamps(connection: Connection) -> dict[str, tuple[str, str]]:
    """Of every policy: the hash of its files, and the name of the vectors made of it."""
    rows = connection.execute(select(PolicyRow.id, PolicyRow.sha256, PolicyRow.indexed_with))
    return {policy_id: (sha256, vectors) for policy_id, sha256, vectors in rows}


def revision(connection: Connection) -> Hashable:
    """What is the same only as long as no policy changed nor its indexing, in this database or any other."""
    if (known := _seen.get(connection)) is None:
        token = connection.execute(_TOKEN).scalar_one_or_none()
        known = _seen[connection] = token or frozenset(stamps(connection).items())
    return known


# A connection sees one moment, so that it need ask but once.
_seen: WeakKeyDictionary[Connection, Hashable] = WeakKeyDictionary()


def _changed(connection: Connection) -> None:
    _seen.pop(connection, None)
    token = secrets.token_hex(16)
    if not connection.execute(update(Revision).where(Revision.name == _NAME).values(token=token)).rowcount:
        connection.execute(insert(Revision).values(name=_NAME, token=token))


def replace(connection: Connection, policy: Policy, rules: RuleFile | None, sha256: str) -> None:
    """Put a policy in the place of its former self, its indexing not finished yet."""
    values = {
        "meta": policy.meta.model_dump(mode="json"),
        "rules": rules and rules.model_dump(mode="json", by_alias=True),
        "sha256": sha256,
        "indexed_with": "",
    }
    found = connection.execute(update(PolicyRow).where(PolicyRow.id == policy.meta.id).values(values))
    if not found.rowcount:
        connection.execute(insert(PolicyRow).values(id=policy.meta.id, **values))
    connection.execute(delete(ClauseRow).where(ClauseRow.policy_id == policy.meta.id))
    rows = [
        {"policy_id": policy.meta.id, "position": position, "sha256": clause.sha256, **clause.model_dump()}
        for position, clause in enumerate(policy.clauses)
    ]
    connection.execute(insert(ClauseRow), rows)
    _changed(connection)


def mark_indexed(connection: Connection, policy_ids: Sequence[str], vectors: str) -> None:
    """Note which vectors some policies are indexed with: their indexing is finished."""
    connection.execute(update(PolicyRow).where(PolicyRow.id.in_(policy_ids)).values(indexed_with=vectors))
    _changed(connection)


def keep_original(connection: Connection, policy_id: str, original: Original) -> None:
    """Keep a policy's original, in the place of an earlier one."""
    values = {"sha256": original.sha256, "document": original.model_dump(mode="json")}
    found = connection.execute(update(OriginalRow).where(OriginalRow.policy_id == policy_id).values(values))
    if not found.rowcount:
        connection.execute(insert(OriginalRow).values(policy_id=policy_id, **values))


def original(connection: Connection, policy_id: str) -> Original | None:
    """A policy's original, if one was read."""
    query = select(OriginalRow.document).where(OriginalRow.policy_id == policy_id)
    document = connection.execute(query).scalar_one_or_none()
    return None if document is None else Original.model_validate(document)


def originals_read(connection: Connection) -> dict[str, str]:
    """The policy of every original that was read, by the original's hash."""
    rows = connection.execute(select(OriginalRow.sha256, OriginalRow.policy_id))
    return {row.sha256: row.policy_id for row in rows}


def metas(connection: Connection) -> list[PolicyMeta]:
    """The metadata of all policies, by id."""
    rows = connection.execute(select(PolicyRow.meta).order_by(PolicyRow.id))
    return [PolicyMeta.model_validate(row.meta) for row in rows]


class _Indexed(NamedTuple):
    """A policy, and which version of it is indexed."""

    policy: Policy
    version: PolicyVersion


_LOCK = Lock()
_indexed: dict[Hashable, _Indexed] = {}


def _find(connection: Connection, policy_id: str) -> _Indexed | None:
    """A policy; read once, until a policy changes."""
    key = revision(connection), policy_id
    with _LOCK:
        if found := _indexed.pop(key, None):
            _indexed[key] = found  # the last used stays longest
            return found
    # PostgreSQL can't even be asked for what is no text.
    row = connection.execute(_ROW, {"policy": policy_id}).one_or_none() if is_text(policy_id) else None
    if row is None:
        return None
    clauses = [_clause(one) for one in connection.execute(_CLAUSES, {"policy": policy_id})]
    meta = PolicyMeta.model_validate(row.meta)
    found = _Indexed(Policy(meta=meta, clauses=clauses), PolicyVersion(meta.title, row.sha256))
    with _LOCK:
        _indexed[key] = found
        while len(_indexed) > _MOST_KEPT:
            del _indexed[next(iter(_indexed))]
    return found


def versions(connection: Connection, policy_ids: Iterable[str]) -> dict[str, PolicyVersion]:
    """The versions of some policies that are indexed, by id."""
    found = {policy_id: _find(connection, policy_id) for policy_id in policy_ids}
    return {policy_id: one.version for policy_id, one in found.items() if one}


def policy(connection: Connection, policy_id: str) -> Policy | None:
    """One policy with its clauses in order; the same for all who ask, so nobody's to change."""
    found = _find(connection, policy_id)
    return found and found.policy


def clauses(connection: Connection, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Clause]:
    """Clauses by (policy, locator) as they are stored this moment; what isn't there is left out."""
    keys = set(wanted)
    named = {"policies": [policy_id for policy_id, _ in keys], "locators": [locator for _, locator in keys]}
    found = {(row.policy_id, row.locator): _clause(row) for row in connection.execute(_NAMED, named)}
    return {key: clause for key, clause in found.items() if key in keys}


def all_clauses(connection: Connection, policy_ids: Sequence[str]) -> list[tuple[str, Clause]]:
    """Every clause of some policies, in order."""
    query = select(ClauseRow.policy_id, ClauseRow.locator, ClauseRow.heading, ClauseRow.text, ClauseRow.kind)
    query = query.where(ClauseRow.policy_id.in_(policy_ids)).order_by(ClauseRow.policy_id, ClauseRow.position)
    return [(row.policy_id, _clause(row)) for row in connection.execute(query)]


def replaced(found: Sequence[PolicyMeta]) -> dict[str, date]:
    """The day on which a successor takes the place of each policy that has one."""
    days: dict[str, date] = {}
    for meta in found:
        for former in found if meta.supersedes or meta.repeals else ():
            if meta.ends(former):
                days[former.id] = min(meta.effective_from, days.get(former.id, date.max))
    return days


_RULE_SETS: dict[Hashable, list[RuleSet]] = {}


def rule_sets(connection: Connection) -> list[RuleSet]:
    """The rules of every policy that has some; read once, until a policy changes.

    Unavailable: no policy was ever indexed, so absence proves nothing.
    """
    current = revision(connection)
    known = _RULE_SETS.get(current)
    if known is None:
        there = metas(connection)
        if not there:
            raise Unavailable("政策库还是空的：请先运行 xueshi ingest policies。")
        days = replaced(there)
        query = select(PolicyRow.id, PolicyRow.meta, PolicyRow.rules, PolicyRow.sha256)
        rows = connection.execute(query.where(PolicyRow.rules.is_not(None)).order_by(PolicyRow.id))
        known = [
            RuleSet(row.id, row.meta["unit"], RuleFile.model_validate(row.rules), days.get(row.id), row.sha256)
            for row in rows
        ]
        _RULE_SETS.clear()
        _RULE_SETS[current] = known
    return known


def _clause(row: Any) -> Clause:
    return Clause(locator=row.locator, heading=row.heading, text=row.text, kind=row.kind)
