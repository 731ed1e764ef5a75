"""Originals of policies: read from a file, repaired, split, and set in the place of the corpus' digest."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from assistant.errors import InputError
from assistant.policy import Clause, Original, Policy, PolicyMeta, Repair, core
from ingest.about import About, about, absent
from ingest.corpus import Entry
from ingest.hostile import neutralise
from ingest.outline import Piece, outline
from ingest.reading import read_document
from ingest.repair import MARKS, repair
from ingest.repair.script import plainly
from ingest.repair.text import Text

# Goes into every original's hash: what this version reads otherwise than the one before is read anew.
VERSION = "2"
_REGIONS = {"北京市", "天津市", "上海市", "重庆市"}
_PLACE = re.compile(r"[\u4e00-\u9fff]{2,12}?(?:特别行政区|自治[区州县旗]|[省市县区州盟旗镇])")


class Known:
    """What an original may belong to and where: the corpus' folders, policies of their own, originals read, places."""

    def __init__(
        self, entries: Mapping[str, Entry], own: Iterable[PolicyMeta], read: Mapping[str, str], units: Iterable[str]
    ) -> None:
        """`read`: the policy of each original read before, by the original's hash."""
        self.entries, self.read = entries, read
        self.taken: dict[str, Path] = {}
        self.metas: dict[str, PolicyMeta] = {}
        self.numbers: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        for meta in (*own, *(entry.policy.meta for entry in entries.values())):
            self.add(meta)
        self.field = [plainly(_printed(entry.policy)) for entry in entries.values()]
        self.places: dict[str, set[str]] = defaultdict(set)
        for unit in (*units, *(meta.unit for meta in self.metas.values())):
            parts = unit.split("/")
            for depth, part in enumerate(parts, 1):
                self.places[part].add("/".join(parts[:depth]))

    def take(self, policy_id: str, path: Path, original: Original | None) -> None:
        """Know a policy's original read now. InputError: another file of this reading was the policy's already."""
        if first := self.taken.get(policy_id):
            raise InputError(f"{path}：与 {first.name} 同是政策 {policy_id} 的原文，只读了前一份：请只留一份再读。")
        self.taken[policy_id] = path
        if original and original.own:
            self.add(original.own)

    def add(self, meta: PolicyMeta) -> None:
        """Know one policy more."""
        self.metas[meta.id] = meta
        self.titles[core(meta.title)] = meta.id
        if meta.number:
            self.numbers[meta.number] = meta.id


class Read(NamedTuple):
    """An original and the policy that it is of; `original` is None where it was read before, and nothing changed."""

    policy_id: str
    original: Original | None


def read_original(path: Path, known: Known, policy_id: str | None = None, unit: str | None = None) -> Read:
    """An original and its policy: `policy_id`, else the one that its file's name, number or title names, else its own.

    InputError: what is wrong with the file, or what has to be said of it that it doesn't say itself.
    """
    if unit and not re.fullmatch(r"[^/\s]+(/[^/\s]+)*", unit):
        raise InputError(f"--unit {unit}：地区应写成路径，如 江苏省/常州市。")
    if policy_id and policy_id not in known.metas:
        raise InputError(f"--as {policy_id}：没有这个政策；已有的是 {'、'.join(sorted(known.metas))}。")
    if policy_id and policy_id in known.entries and unit not in (None, known.metas[policy_id].unit):
        raise InputError(
            f"--unit {unit}：政策 {policy_id} 属于 {known.metas[policy_id].unit}，请去掉 --unit 或改用别的政策。"
        )
    sha256 = _stamp(path, policy_id, unit)
    if sha256 in known.read:
        return Read(known.read[sha256], None)
    document = read_document(path)
    visible, findings = neutralise(document.text)
    text = repair(visible, known.field)
    said = about(text.text, text.changes)
    pieces = outline(text.text, said.lines)
    if not any(piece.text for piece in pieces):
        raise InputError(f"{path}：没有读到任何条款，请核对文件。")
    found = policy_id or _match(path, said, known, unit)
    own = None if found in known.entries else _own(path, found, said, known, unit)
    named = own.id if own else str(found)
    hidden = [f"{one.kind}：{one.text}" if one.text else one.kind for one in document.hidden]
    succession = _succession(own, known.metas.values()) if own else []
    warnings = succession + [f"已去除{one}" for one in hidden] + [f"已略去{one}" for one in findings]
    original = Original(
        sha256=sha256,
        file=path.name,
        number=said.number,
        issued_on=said.issued_on,
        clauses=[_clause(piece) for piece in pieces],
        repairs=_repairs(text, pieces),
        warnings=[*warnings, *_doubts(said, pieces, known.metas.get(named), known.entries.get(named))],
        absent=absent(pieces),
        own=own,
    )
    return Read(named, original)


def compose(digest: Policy, original: Original) -> Policy:
    """A policy as it is known: the original's clauses, the digest's where the original has none under their locator."""
    clauses = list(original.clauses)
    before: str | None = None
    for clause in digest.clauses:
        places = [clause.locator for clause in clauses]
        if clause.locator not in places:
            clauses.insert(_after(places, before, clause.locator), clause)
        before = clause.locator
    meta = digest.meta.model_copy(
        update={
            "text": "original",
            "source": f"原文 {original.file}，经修复、逐条切分；原文没有的条款仍为本库摘要",
            "number": digest.meta.number or original.number,
            "issued_on": digest.meta.issued_on or original.issued_on,
            "absent": list(original.absent) or digest.meta.absent,
        }
    )
    return Policy(meta=meta, clauses=clauses)


def _after(places: Sequence[str], before: str | None, locator: str) -> int:
    """Where a clause belongs that follows `before`: behind all that is numbered below its elder sibling."""
    if before is None or locator.startswith(f"{before}/"):
        return places.index(before) + 1 if before in places else 0
    elder = "/".join(before.split("/")[: locator.count("/") + 1])
    inside = [at for at, place in enumerate(places) if place == elder or place.startswith(f"{elder}/")]
    return inside[-1] + 1 if inside else 0


def _stamp(path: Path, policy_id: str | None, unit: str | None) -> str:
    """SHA-256 of all that an original is made from. InputError: the file can't be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}：无法读取（{error.strerror}）。") from None
    given = "\0".join([VERSION, path.name, policy_id or "", unit or ""])
    return hashlib.sha256(given.encode() + b"\0" + content).hexdigest()


def _printed(policy: Policy) -> str:
    """A policy's clauses about as a notice prints them, numbers included."""
    lines = []
    for clause in policy.clauses:
        number = clause.locator.rsplit("/", 1)[-1]
        number += "" if number.startswith("(") else "、"
        lines += [f"{number}{clause.heading}", clause.text]
    return "\n".join(lines)


def _clause(piece: Piece) -> Clause:
    return Clause(locator=piece.locator, heading=piece.heading, text=piece.text, kind="original")


def _repairs(text: Text, pieces: Sequence[Piece]) -> list[Repair]:
    """The changes, each with the clause that it is in."""
    bounds = [(text.origins[piece.start], text.origins[piece.end], piece.locator) for piece in pieces if piece.text]
    repairs = []
    for change in text.changes:
        inside = (locator for start, end, locator in bounds if start <= change.position < end)
        repairs.append(Repair(**change._asdict(), locator=next(inside, None)))
    return sorted(repairs, key=lambda one: one.position)


def _doubts(said: About, pieces: Sequence[Piece], meta: PolicyMeta | None, entry: Entry | None) -> list[str]:
    """What whoever ingests an original should know of it."""
    doubts = [
        f"{piece.locator}：有 {count} 处原文残损，已标明"
        for piece in pieces
        if (count := sum(piece.text.count(mark) + piece.heading.count(mark) for mark in MARKS))
    ]
    doubts += [f"{piece.locator}：编号重复，请核对原文" for piece in pieces if "~" in piece.locator]
    doubts += [f"{name} 未随文提供，本库没有收录" for name in absent(pieces)]
    if meta and not _agrees(said, meta, None):
        doubts.append(f"发文单位与政策库所记不同：原文 {said.issuer}，政策库 {meta.issuer}")
    if meta and meta.number and said.number and meta.number != said.number:
        doubts.append(f"文号与政策库所记不同：原文 {said.number}，政策库 {meta.number}")
    if entry:
        there = {piece.locator for piece in pieces}
        if missing := [clause.locator for clause in entry.policy.clauses if clause.locator not in there]:
            doubts.append(f"原文没有这些条款，仍用摘要：{'、'.join(missing)}")
    return doubts


def _succession(own: PolicyMeta, metas: Collection[PolicyMeta]) -> list[str]:
    """Whose place a policy takes, and who takes its own."""
    ended = [other.id for other in metas if own.ends(other)] if own.repeals else []
    ending = [other.id for other in metas if (other.repeals or other.supersedes) and other.ends(own)]
    return [f"取代了政策 {one}" for one in sorted(ended)] + [f"已被政策 {one} 取代" for one in sorted(ending)]


def _match(path: Path, said: About, known: Known, unit: str | None) -> str | None:
    """The policy that a file's name, its number or its title names.

    A number or a title that the text shares with another issuer's policy names nothing; nor does a file's name with one
    that an earlier file of that name became, unless it is that document still.
    """
    if path.stem in known.entries:
        return path.stem
    candidates = (known.numbers.get(said.number or ""), known.titles.get(core(said.title or "") or "-"))
    return next((name for name in candidates if name and _agrees(said, known.metas[name], unit)), None)


def _agrees(said: About, meta: PolicyMeta, unit: str | None) -> bool:
    """Whether an original can be of a policy, by its issuer and place."""
    place = _PLACE.match(said.issuer or "")
    if unit and unit != meta.unit:
        return False
    return said.issuer in (None, meta.issuer) or bool(place and place[0] == meta.unit.rsplit("/", 1)[-1])


def _own(path: Path, policy_id: str | None, said: About, known: Known, unit: str | None) -> PolicyMeta:
    """The metadata of a policy that no folder describes."""
    name = policy_id or _slug(path)
    if policy_id is None and (taken := known.metas.get(name)) and core(taken.title) != core(said.title or path.stem):
        # Another document of the same file name: 通知.txt is what half of them are called.
        name += f"-{hashlib.sha256((said.title or '').encode()).hexdigest()[:6]}"
    before = known.metas.get(name)
    start = said.effective_from or said.issued_on or (before and before.effective_from) or _year(said.title)
    if start is None:
        raise InputError(f"{path}：文中没有日期，不知从何时起有效：请在文末补上成文日期，如 2024年4月29日。")
    place = unit or (before.unit if before else _proven_unit(path, said, known))
    return PolicyMeta(
        id=name,
        title=said.title or path.stem,
        number=said.number,
        issuer=said.issuer or "未写明",
        unit=place,
        issued_on=said.issued_on,
        effective_from=start,
        effective_to=said.effective_to,
        text="original",
        source=f"原文 {path.name}，经修复、逐条切分",
        repeals=said.repeals,
    )


def _slug(path: Path) -> str:
    """A policy's id, made from its file's name: 常州2024.txt is chang-zhou-2024."""
    from pypinyin import lazy_pinyin

    name = re.sub(r"[^a-z0-9]+", "-", "-".join(lazy_pinyin(path.stem)).lower()).strip("-")
    return name or f"policy-{hashlib.sha256(path.stem.encode()).hexdigest()[:8]}"


def _year(title: str | None) -> date | None:
    found = re.search(r"((?:19|20)\d\d)年", title or "")
    return date(int(found[1]), 1, 1) if found else None


def _proven_unit(path: Path, said: About, known: Known) -> str:
    """The place that the issuer's name begins with, if it is a region or a place known by that name alone."""
    place = _PLACE.match(said.issuer or "")
    if place and (place[0].endswith(("省", "自治区")) or place[0] in _REGIONS):
        return place[0]
    found = known.places.get(place[0], set()) if place else set()
    if len(found) != 1:
        raise InputError(f"{path}：文中没有写明属于哪里，请用 --unit 指明，如 --unit 江苏省/常州市。")
    return next(iter(found))
