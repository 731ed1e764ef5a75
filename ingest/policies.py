"""Indexing policies: texts and rules into the database, vectors into Chroma, so that no question sees half of it.

Vectors of the new clauses are added first, beside the old; one transaction then makes the new text the policy's; the
old vectors go last. Killed anywhere, a policy is wholly the old one or wholly the new; the next run does the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.errors import InputError
from assistant.retrieval.index import Index
from assistant.retrieval.search import entry
from assistant.rules.check import check
from assistant.store import policies
from assistant.store.database import Database
from ingest.corpus import Entry, read_corpora


@dataclass(frozen=True)
class PolicyReport:
    """What became of one policy."""

    policy_id: str
    title: str
    number: str | None
    clauses: int
    changed: bool
    repairs: int = 0
    warnings: list[str] = field(default_factory=list)


def ingest_policies(
    database: Database,
    index: Index,
    folders: Sequence[Path],
    dry_run: bool = False,
    progress: Callable[[str], None] | None = None,
) -> list[PolicyReport]:
    """Read corpus folders and index what changed. InputError: a policy is at fault, and none was touched."""
    entries = read_corpora(folders)
    if problems := [problem for one in entries for problem in faults(one)]:
        raise InputError(problems)
    with database.read() as connection:
        known = policies.stamps(connection)
    reports = []
    for one in entries:
        meta = one.policy.meta
        changed = known.get(meta.id) != (one.sha256, index.stamp) or not index.made
        if changed and not dry_run:
            _index(database, index, one)
        reports.append(PolicyReport(meta.id, meta.title, meta.number, len(one.policy.clauses), changed))
        if progress:
            progress(meta.id)
    return reports


def faults(one: Entry) -> list[str]:
    """Whatever in a policy's rules or metadata cites a clause that isn't there, or a figure that it doesn't hold."""
    policy = one.policy
    found = [
        f"{one.folder / 'rules.yaml'}：{finding.rule}（{finding.version} 起）：{finding.fault}"
        for finding in (check(policy, one.rules) if one.rules else [])
        if finding.fault
    ]
    if policy.meta.contact and policy.clause(policy.meta.contact) is None:
        found.append(f"{one.folder / 'policy.md'}：contact：条款 {policy.meta.contact} 不存在")
    return found


def _index(database: Database, index: Index, one: Entry) -> None:
    entries = [entry(one.policy.meta, clause) for clause in one.policy.clauses if clause.text]
    index.add(entries)
    with database.write() as connection:
        policies.replace(connection, one.policy, one.rules, one.sha256)
    index.keep_only(one.policy.meta.id, entries)
    with database.write() as connection:
        policies.mark_indexed(connection, one.policy.meta.id, index.stamp)
