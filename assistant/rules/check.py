"""Every rule against the clause it cites: the clause is there, it holds the figure, no line is unreachable."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import NamedTuple, get_args

from assistant.figures import figures
from assistant.policy import Policy
from assistant.rules.schema import (
    Admit,
    Category,
    Count,
    CourseShare,
    Dated,
    Day,
    Deadline,
    Debar,
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


def check(policy: Policy, rules: RuleFile) -> list[Finding]:
    """Findings for every rule of a policy, in the file's order."""
    return [finding for version in rules.versions for finding in _version(policy, version)]


def _version(policy: Policy, version: Dated) -> Iterator[Finding]:
    def found(rule: str, figure: str, clause: str, fault: str | None) -> Finding:
        return Finding(policy.meta.id, str(version.from_), rule, figure, clause, fault)

    if beyond := _beyond(policy, version):
        yield found("from–to", "", next((line.clause for line in version.lines()), ""), beyond)
    for line in version.lines():
        fault = _fault(policy, line, version.from_)
        if isinstance(version, Version) and isinstance(line, Count):
            fault = fault or _shadowed(version, line)
        yield found(line.id, _show(line), line.clause, fault)
    for item in version.untranslated:
        missing = None if policy.clause(item.clause) else f"条款 {item.clause} 不存在"
        yield found("untranslated", "", item.clause, missing)
    if isinstance(version, Version) and version.total and version.minima:
        implied = sum(line.at_least for line in version.minima.values())
        if version.total.at_least < implied:
            fault = "合计的最低要求小于各科目类别之和"
            yield found(version.total.id, _show(version.total), version.total.clause, fault)


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
        return [tuple(name.removeprefix("市") if "教研室" in name else name for name in line.where.organiser or ())]
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
