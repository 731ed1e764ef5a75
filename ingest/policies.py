"""Indexing policies: texts and rules into the database, vectors into Chroma, so that no question sees half of it.

Vectors of the new clauses are added first, beside the old; one transaction then makes the new text the policy's; the
old vectors go last. Killed anywhere, a policy is wholly the old one or wholly the new; the next run does the rest.
"""

import hashlib
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.errors import InputError
from assistant.policy import Original, Policy, Repair
from assistant.retrieval.index import Index
from assistant.retrieval.search import entry
from assistant.rules.check import check
from assistant.rules.schema import RuleFile
from assistant.store import people, policies
from assistant.store.database import Database
from ingest.corpus import POLICY, Entry, read_corpora
from ingest.originals import Known, compose, read_original
from ingest.reading import documents

Progress = Callable[[str], None]


@dataclass(frozen=True)
class PolicyReport:
    """What became of one policy."""

    policy_id: str
    title: str
    number: str | None
    clauses: int
    changed: bool
    repairs: Sequence[Repair] = ()
    warnings: Sequence[str] = field(default_factory=list)


def ingest_policies(
    database: Database, index: Index, folders: Sequence[Path], dry_run: bool = False, progress: Progress | None = None
) -> list[PolicyReport]:
    """Read corpus folders and index what changed. InputError: a policy is at fault, and none was touched."""
    entries = read_corpora(folders)
    if problems := [problem for one in entries for problem in faults(one)]:
        raise InputError(problems)
    writer = _Writer(database, index, dry_run)
    writer.finish(skip={one.policy.meta.id for one in entries})
    reports = []
    for one in entries:
        reports.append(writer.put(one, writer.kept(one.policy.meta.id)))
        if progress:
            progress(one.policy.meta.id)
    return reports


def ingest_originals(
    database: Database,
    index: Index,
    corpora: Sequence[Path],
    paths: Sequence[Path],
    policy_id: str | None = None,
    unit: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> tuple[list[PolicyReport], list[str]]:
    """Read originals, each put in the place of its digest or made a policy of its own; the reports, and the problems.

    A file at fault is told and passed over, the rest goes on. InputError: a path is wrong, and none was touched.
    """
    files = documents(paths)
    if (policy_id or unit) and len(files) != 1:
        raise InputError("--as 和 --unit 只能用于一个文件，请逐个读入。")
    entries = {one.policy.meta.id: one for one in read_corpora(corpora)}
    with database.read() as connection:
        own = [meta for meta in policies.metas(connection) if meta.id not in entries]
        known = Known(entries, own, policies.originals_read(connection), people.all_units(connection))
    writer, reports, problems = _Writer(database, index, dry_run), list[PolicyReport](), list[str]()
    writer.finish()
    for file in files:
        try:
            name, original = read_original(file, known, policy_id, unit)
            if original:
                known.replace(name, original)
            reports.append(writer.put(entries.get(name), original or writer.kept(name), name))
        except InputError as error:
            problems += error.problems
        if progress:
            progress(file.name)
    return reports, problems


def is_corpus(path: Path) -> bool:
    """Whether a path is a policy's folder or one of such folders, rather than originals."""
    return path.is_dir() and ((path / POLICY).is_file() or any(path.glob(f"*/{POLICY}")))


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


def _policy(one: Entry | None, original: Original | None) -> Policy:
    if one is None:
        if original is None or original.own is None:
            raise ValueError("neither a folder nor an original describes the policy")
        return Policy(meta=original.own, clauses=original.clauses)
    return compose(one.policy, original) if original else one.policy


class _Writer:
    """Writes policies, one after the other."""

    def __init__(self, database: Database, index: Index, dry_run: bool) -> None:
        self._database, self._index, self._dry_run = database, index, dry_run
        with database.read() as connection:
            self._known = policies.stamps(connection)

    def put(self, one: Entry | None, original: Original | None, policy_id: str = "") -> PolicyReport:
        """Index a policy as its folder and its original make it, if that changed anything."""
        policy, rules = _policy(one, original), one.rules if one else None
        stamp = "+".join(part.sha256 for part in (one, original) if part)
        sha256 = stamp if len(stamp) == 64 else hashlib.sha256(stamp.encode()).hexdigest()
        changed = self._known.get(policy.meta.id) != (sha256, self._index.stamp) or not self._index.made
        if changed and not self._dry_run:
            self._index_policy(policy, rules, sha256, original if policy_id else None)
            self._known[policy.meta.id] = sha256, self._index.stamp
        meta, clauses = policy.meta, len(policy.clauses)
        if original is None:
            return PolicyReport(meta.id, meta.title, meta.number, clauses, changed)
        found = check(policy, rules) if rules else []
        unproven = [f"规则 {one.rule} 与原文不符，请核对：{one.fault}" for one in found if one.fault]
        warnings = [*original.warnings, *unproven]
        return PolicyReport(meta.id, meta.title, meta.number, clauses, changed, original.repairs, warnings)

    def kept(self, policy_id: str) -> Original | None:
        """The original of a policy that an earlier run read."""
        with self._database.read() as connection:
            return policies.original(connection, policy_id)

    def finish(self, skip: Container[str] = ()) -> None:
        """Complete what a killed run left, and what another model's vectors need, from the database alone."""
        if self._dry_run:
            return
        for policy_id, (sha256, vectors) in list(self._known.items()):
            if policy_id not in skip and (vectors != self._index.stamp or not self._index.made):
                with self._database.read() as connection:
                    policy = policies.policy(connection, policy_id)
                if policy:
                    self._add_vectors(policy)
                    self._settle(policy)
                    self._known[policy_id] = sha256, self._index.stamp

    def _index_policy(self, policy: Policy, rules: RuleFile | None, sha256: str, original: Original | None) -> None:
        self._add_vectors(policy)
        with self._database.write() as connection:
            if original:
                policies.keep_original(connection, policy.meta.id, original)
            policies.replace(connection, policy, rules, sha256)
        self._settle(policy)

    def _add_vectors(self, policy: Policy) -> None:
        self._index.add([entry(policy.meta, clause) for clause in policy.clauses if clause.text])

    def _settle(self, policy: Policy) -> None:
        self._index.keep_only(policy.meta.id, [entry(policy.meta, clause) for clause in policy.clauses if clause.text])
        with self._database.write() as connection:
            policies.mark_indexed(connection, policy.meta.id, self._index.stamp)
