"""Every rule against the clause it cites: the clause is there, it holds the figure, no line is unreachable."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product
from typing import NamedTuple, get_args

from assistant import hours
from assistant.figures import figures
from assistant.identity import holds
from assistant.policy import Policy
from assistant.rules.calculate import Record, calculate
from assistant.rules.find import Applicable
from assistant.rules.schema import (
    Admit,
    Category,
    Count,
    CourseShare,
    Dated,
    Day,
    Deadline,
    Debar,
    Example,
    Fills,
    Line,
    Organiser,
    Require,
    RuleFile,
    Stated,
    Version,
)


class Finding(NamedTuple):
    """One line of the check; `fault` is None where the rule is proven."""

    policy_id: str
    version: str
    rule: str
    figure: str
    clause: str
    fault: str | None


Others = Mapping[str, tuple[Policy, RuleFile | None]]


def check(policy: Policy, rules: RuleFile, others: Others | None = None) -> list[Finding]:
    """Findings for every rule of a policy, in the file's order. `others`: policies that its lines may cite, by id."""
    around = {**(others or {}), policy.meta.id: (policy, rules)}
    found = [finding for version in rules.versions for finding in _version(policy, version, around)]
    return found + [Finding(policy.meta.id, gap, "versions", "", "", f"{gap} 没有有效的版本") for gap in _gaps(rules)]


def notes(policy: Policy, rules: RuleFile) -> list[str]:
    """What is right, but worth a look before it is approved."""
    said = list[str]()
    for version in rules.versions:
        where = f"{policy.meta.id}（{version.from_} 起）"
        if isinstance(version, Version):
            if not version.examples:
                said.append(f"{where}：没有 examples，请至少写一个算例。")
            said += [f"{where}：{note}" for note in _redundant(version)]
        said += [f"{where}：{line.id} 留给{line.by}确定：{line.text}" for line in version.open]
    return said


def _redundant(version: Version) -> Iterator[str]:
    implied = sum(line.at_least for line in version.minima.values())
    if version.total and version.minima and version.total.at_least == implied:
        parts = " + ".join(hours.show(line.at_least) for line in version.minima.values())
        yield f"{parts} = {hours.show(implied)}：{version.total.id} 的合计已由各科目类别之和得出。"
    for line in version.count:
        minimum = next((version.minima.get(name) for name in line.where.category or ()), None)
        if line.at_most is not None and minimum and line.at_most >= minimum.at_least:
            yield f"{line.id} 的上限不小于 {minimum.id} 的最低要求：单靠这一来源就能达到。"


def _gaps(rules: RuleFile) -> Iterator[str]:
    """Stretches between two versions in which none is in force."""
    for earlier, later in pairwise(sorted(rules.versions, key=lambda version: version.from_)):
        if earlier.to and earlier.to + timedelta(1) < later.from_:
            yield f"{earlier.to + timedelta(1)} 至 {later.from_ - timedelta(1)}"


def _version(policy: Policy, version: Dated, around: Others) -> Iterator[Finding]:
    def found(rule: str, figure: str, clause: str, fault: str | None) -> Finding:
        return Finding(policy.meta.id, str(version.from_), rule, figure, clause, fault)

    if beyond := _beyond(policy, version):
        yield found("from–to", "", next((line.clause for line in version.lines()), ""), beyond)
    for line in version.lines():
        cited = around.get(line.policy or policy.meta.id)
        fault = _fault(cited[0], line, version.from_) if cited else f"政策 {line.policy} 不在政策库中"
        if cited and not _is_above(cited[0], policy, version):
            fault = f"政策 {line.policy} 不是本地区或上级的，或在这个版本的有效期内已经失效"
        if isinstance(version, Version) and isinstance(line, Count):
            fault = fault or _shadowed(version, line)
        yield found(line.id, _show(line), line.clause, fault)
    for item in version.untranslated:
        missing = None if policy.clause(item.clause) else f"条款 {item.clause} 不存在"
        yield found("untranslated", "", item.clause, missing)
    for one in version.fills:
        yield found("、".join(one.lines), "", "", _unfilled(policy, version, one, around))
    if isinstance(version, Version):
        if version.total and version.minima:
            implied = sum(line.at_least for line in version.minima.values())
            if version.total.at_least < implied:
                fault = "合计的最低要求小于各科目类别之和"
                yield found(version.total.id, _show(version.total), version.total.clause, fault)
        for line in version.require:
            if not _reachable(version, line.category):
                fault = f"没有一行 count 计入{line.category or '任何科目类别'}，谁也达不到"
                yield found(line.id, _show(line), line.clause, fault)
        for number, example in enumerate(version.examples, 1):
            yield found(f"examples.{number}", "", "", _failing(version, example))


def _reachable(version: Version, category: str | None) -> bool:
    """Whether any record of a category (None: of some) is counted."""
    kinds = product(get_args(Category), get_args(Organiser))
    return any(category in (None, kind[0]) and version.places[kind] < len(version.count) for kind in kinds)


def _is_above(cited: Policy, policy: Policy, version: Dated) -> bool:
    """Whether a policy's clauses bind where another one holds, on some day of its version."""
    first, last = cited.meta.effective_from, cited.meta.effective_to or date.max
    in_force = first <= (version.to or date.max) and last >= version.from_
    return cited.meta.id == policy.meta.id or (holds(cited.meta.unit, policy.meta.unit) and in_force)


def _unfilled(policy: Policy, version: Dated, one: Fills, around: Others) -> str | None:
    above = around.get(one.policy)
    if above and (above[0].meta.id == policy.meta.id or not _is_above(above[0], policy, version)):
        return f"政策 {one.policy} 不是本地区或上级的另一份有效政策"
    if wrong := {line.id for line in version.open} & set(one.lines):
        return f"{'、'.join(sorted(wrong))} 是留给下级的，不能用来填上级的"
    terms = [line.id for version in above[1].versions for line in version.open] if above and above[1] else []
    return None if one.open in terms else f"政策 {one.policy} 没有留给下级的 {one.open}"


def _failing(version: Version, example: Example) -> str | None:
    """How an example comes out otherwise than it says."""
    year = example.year or max(version.from_.year, version.cycle.first)
    applied = Applicable("", "", version, False, *version.cycle.period(year))
    if not version.overlaps(applied.start, applied.end):
        return f"“{example.say}”：{year}年不在这个版本的有效期内"
    records = [
        Record(str(n), "", one.category, one.organiser, one.hours, one.day or applied.start, one.status)
        for n, one in enumerate(example.given)
    ]
    verdict = calculate(applied, records)
    short = {line.category: line.shortfall for line in verdict.categories}
    named = ("counted", "remaining", "pending", "beyond_caps")
    pairs = [(name, getattr(verdict, name), getattr(example.expect, name)) for name in named]
    pairs += [(name, short.get(name, 0), value) for name, value in example.expect.shortfall.items()]
    wrong = [
        f"{name} 算得 {hours.show(have)}，应为 {hours.show(want)}"
        for name, have, want in pairs
        if want not in (None, have)
    ]
    return f"“{example.say}”：{'；'.join(wrong)}" if wrong else None


def _beyond(policy: Policy, version: Dated) -> str | None:
    """Whether the version claims days on which the policy is not in force."""
    meta = policy.meta
    last = version.to or date.max
    if version.from_ < meta.effective_from or last > (meta.effective_to or date.max):
        return f"有效期超出政策本身的有效期（{meta.effective_from} 至 {meta.effective_to or '长期'}）"
    return None


def _fault(policy: Policy, line: Line, start: date) -> str | None:
    clause = policy.clause(line.clause)
    if clause is None:
        return f"条款 {line.clause} 不存在"
    if isinstance(line, Admit) and line.status != ["已审核"]:
        return "只有已审核的学时可以计入"
    finer = isinstance(line, Stated) or (isinstance(line, Require) and line.category is not None)
    split = (_FINER if finer else _PARTS).split(clause.text)
    parts = [part for part in split if all(any(word in part for word in words) for words in _named(line))]
    known = {(_dated(figure.value, start), figure.unit) for part in parts for figure in figures(part)}
    lost = [_show(line) for value in line.figures if (value, line.unit) not in known]
    return f"条款 {line.clause} 中没有写明它的“{lost[0]}”" if lost else None


def _dated(value: Fraction | Day, start: date) -> Fraction | Day:
    """A day that is said without its year is the first such day of the version."""
    if isinstance(value, Fraction) or value[0]:
        return value
    _, month, day = value
    return start.year + ((month, day) < (start.month, start.day)), month, day


# A rule's figure must stand beside the words for what it limits: 30 in a clause doesn't prove whose 30 it is.
_PARTS = re.compile(r"[。；;！？\n]")
_SAID = {"公需科目": ("公需",), "专业科目": ("专业",), "个人选修科目": ("选修", "校本")}
_FINER = re.compile(r"[，,。；;！？\n]")


def _named(line: Line) -> list[tuple[str, ...]]:
    """The words, alternatives together, that must stand in the same part of the clause as the line's figures."""
    if isinstance(line, Count) and line.at_most is not None:
        by = tuple(name.removeprefix("市") if "教研室" in name else name for name in line.where.organiser or ())
        return [by, *(_SAID[name] for name in line.where.category or ())] if by else []
    if isinstance(line, Require) and line.category is not None:
        return [_SAID[line.category]]
    if isinstance(line, CourseShare):
        return [(line.part,)]
    if isinstance(line, Debar):
        return [(event,) for event in line.event]
    if isinstance(line, Stated | Deadline):
        return [(line.beside,)]
    return []


def _shadowed(version: Version, line: Count) -> str | None:
    """Whether earlier lines of `count` always win against this one, alone or together."""
    kinds = product(get_args(Category), (*get_args(Organiser), None))
    winners = {version.count[version.places[kind]].id for kind in kinds if line.where.takes(*kind)}
    return None if line.id in winners else f"永远轮不到：{'、'.join(sorted(winners))} 已先取走"


def _show(line: Line) -> str:
    """The line's figures with their unit, as clauses write them: 12学时, 5年, 10%, 2024年4月30日."""
    return "、".join(_said(value, line.unit) for value in line.figures)


def _said(value: Fraction | Day, unit: str) -> str:
    if not isinstance(value, Fraction):
        return "{}年{}月{}日".format(*value)
    scaled = value * 100 if unit == "%" else value
    return f"{Decimal(scaled.numerator) / scaled.denominator:f}{unit}"
