"""Indexing policies: texts and rules into the database, vectors into Chroma, so that no question sees half of it.

Vectors of the new clauses are added first, beside the old; one transaction then makes the new text the policy's; the
old vectors go last. Killed anywhere, a policy is wholly the old one or wholly the new; the next run does the rest.
Policies are written some at a time, since a vector store takes as long for ten clauses as for hundreds.
"""

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from assistant.errors import InputError
from assistant.policy import Original, Policy, Repair
from assistant.retrieval.index import Entry as SearchEntry
from assistant.retrieval.index import Index
from assistant.retrieval.search import entry
from assistant.rules.check import check
from assistant.rules.schema import RuleFile
from assistant.store import people, policies
from assistant.store.database import Database
from ingest.corpus import POLICY, RULES, Entry, line_of, read_corpora
from ingest.originals import Known, compose, read_original
from ingest.reading import documents

Progress = Callable[[str], None]
READING = "读入政策"  # is done by one process at a time
_AT_A_TIME = 2000  # clauses


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
    """Read corpus folders and index what changed. InputError: a policy is at fault, and none was touched.

    Unavailable: another process, on whichever machine, is reading policies.
    """
    entries = read_corpora(folders)
    if problems := [problem for one in entries for problem in faults(one, entries)]:
        raise InputError(problems)
    reports = []
    with _writing(database, index, entries, dry_run) as writer:
        writer.finish(skip={one.policy.meta.id for one in entries})
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
    Unavailable: as of `ingest_policies`.
    """
    files = documents(paths)
    if (policy_id or unit) and len(files) != 1:
        raise InputError("--as 和 --unit 只能用于一个文件，请逐个读入。")
    entries = {one.policy.meta.id: one for one in read_corpora(corpora)}
    reports, problems = list[PolicyReport](), list[str]()
    with _writing(database, index, entries.values(), dry_run) as writer:
        with database.read() as connection:
            own = [meta for meta in policies.metas(connection) if meta.id not in entries]
            known = Known(entries, own, policies.originals_read(connection), people.all_units(connection))
        writer.finish()
        for file in files:
            try:
                name, original = read_original(file, known, policy_id, unit)
                known.take(name, file, original)
                reports.append(writer.put(entries.get(name), original or writer.kept(name), name))
            except InputError as error:
                problems += error.problems
            if progress:
                progress(file.name)
    return reports, problems


def index_again(database: Database, index: Index) -> int:
    """Make the vectors of all policies in the database that this index doesn't have; how many policies there are."""
    _Writer(database, index, (), dry_run=False).finish()
    with database.read() as connection:
        return len(policies.stamps(connection))


def is_corpus(path: Path) -> bool:
    """Whether a path is a policy's folder or one of such folders, rather than originals."""
    return path.is_dir() and ((path / POLICY).is_file() or any(path.glob(f"*/{POLICY}")))


def around(entries: Iterable[Entry]) -> dict[str, tuple[Policy, RuleFile | None]]:
    """The policies that rules may cite, by id."""
    return {one.policy.meta.id: (one.policy, one.rules) for one in entries}


def faults(one: Entry, entries: Iterable[Entry]) -> list[str]:
    """Whatever in a policy's rules or metadata cites a clause that isn't there, or a figure that it doesn't hold."""
    policy, path = one.policy, one.folder / RULES
    found = [
        f"{path} 第 {line_of(path, finding.version, finding.rule)} 行：{finding.rule}（{finding.version} 起）："
        f"{finding.fault}"
        for finding in (check(policy, one.rules, around(entries)) if one.rules else [])
        if finding.fault
    ]
    units = {other.policy.meta.id: other.policy.meta.unit for other in entries}
    for name in policy.meta.supersedes:
        if name == policy.meta.id or units.get(name, policy.meta.unit) != policy.meta.unit:
            found.append(f"{one.folder / POLICY}：supersedes：{name} 不是同一单位的另一份政策")
    if policy.meta.contact and policy.clause(policy.meta.contact) is None:
        found.append(f"{one.folder / 'policy.md'}：contact：条款 {policy.meta.contact} 不存在")
    return found


def _policy(one: Entry | None, original: Original | None) -> Policy:
    if one is None:
        if original is None or original.own is None:
            raise ValueError("neither a folder nor an original describes the policy")
        return Policy(meta=original.own, clauses=original.clauses)
    return compose(one.policy, original) if original else one.policy


class _Pending(NamedTuple):
    """A policy still to be written; `original`, where it was read now."""

    policy: Policy
    rules: RuleFile | None
    sha256: str
    original: Original | None


@contextmanager
def _writing(database: Database, index: Index, entries: Iterable[Entry], dry_run: bool) -> Iterator["_Writer"]:
    """A writer, all of whose policies are written at the end; the only one, unless it writes nothing.

    Of two at once, each would take the other's new vectors for old ones.
    """
    with nullcontext() if dry_run else database.alone(READING):
        writer = _Writer(database, index, entries, dry_run)
        yield writer
        writer.flush()


class _Writer:
    """Writes policies, some at a time."""

    def __init__(self, database: Database, index: Index, entries: Iterable[Entry], dry_run: bool) -> None:
        self._database, self._index, self._around, self._dry_run = database, index, around(entries), dry_run
        self._pending: list[_Pending] = []
        self._made = index.made
        with database.read() as connection:
            self._known = policies.stamps(connection)

    def put(self, one: Entry | None, original: Original | None, policy_id: str = "") -> PolicyReport:
        """Index a policy as its folder and its original make it, if that changed anything; done after `flush`."""
        policy, rules = _policy(one, original), one.rules if one else None
        stamp = "+".join(part.sha256 for part in (one, original) if part)
        sha256 = stamp if len(stamp) == 64 else hashlib.sha256(stamp.encode()).hexdigest()
        changed = self._known.get(policy.meta.id) != (sha256, self._index.stamp) or not self._made
        if changed and not self._dry_run:
            self._pending.append(_Pending(policy, rules, sha256, original if policy_id else None))
            if sum(len(pending.policy.clauses) for pending in self._pending) >= _AT_A_TIME:
                self.flush()
        meta, clauses = policy.meta, len(policy.clauses)
        if original is None:
            return PolicyReport(meta.id, meta.title, meta.number, clauses, changed)
        found = check(policy, rules, self._around) if rules else []
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
        behind = [
            policy_id
            for policy_id, (_, vectors) in self._known.items()
            if policy_id not in skip and (vectors != self._index.stamp or not self._made)
        ]
        for policy_id in behind:
            with self._database.read() as connection:
                policy = policies.policy(connection, policy_id)
            if policy:
                self._index.add(_entries([policy]))
                self._settle([policy])
                self._known[policy_id] = self._known[policy_id][0], self._index.stamp

    def flush(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        written, self._pending = self._pending, []
        fresh = [pending.policy for pending in written]
        self._index.add(_entries(fresh))
        with self._database.write() as connection:
            for policy, rules, sha256, original in written:
                if original:
                    policies.keep_original(connection, policy.meta.id, original)
                policies.replace(connection, policy, rules, sha256)
        self._settle(fresh)

    def _settle(self, fresh: Sequence[Policy]) -> None:
        names = [policy.meta.id for policy in fresh]
        self._index.keep_only(names, _entries(fresh))
        with self._database.write() as connection:
            policies.mark_indexed(connection, names, self._index.stamp)


def _entries(found: Sequence[Policy]) -> list[SearchEntry]:
    return [entry(policy.meta, clause) for policy in found for clause in policy.clauses if clause.text]
