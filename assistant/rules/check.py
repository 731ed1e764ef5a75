"""Every rule against the clause it cites: the clause is there, it holds the figure, no line is unreachable."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import NamedTuple, get_args

from assistant.figures import figures
from assistant.policy import Policy
from assistant.rules.schema import Category, Count, Line, Organiser, RuleFile, Version


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


def _version(policy: Policy, version: Version) -> Iterator[Finding]:
    def found(rule: str, figure: str, clause: str, fault: str | None) -> Finding:
        return Finding(policy.meta.id, str(version.from_), rule, figure, clause, fault)

    for line in version.lines():
        yield found(line.id, _show(line), line.clause, _fault(policy, line) or _shadowed(version, line))
    for item in version.untranslated:
        missing = None if policy.clause(item.clause) else f"条款 {item.clause} 不存在"
        yield found("untranslated", "", item.clause, missing)
    if version.total and version.minima:
        implied = sum(line.at_least for line in version.minima.values())
        if version.total.at_least < implied:
            fault = "合计的最低要求小于各科目类别之和"
            yield found(version.total.id, _show(version.total), version.total.clause, fault)


def _fault(policy: Policy, line: Line) -> str | None:
    clause = policy.clause(line.clause)
    if clause is None:
        return f"条款 {line.clause} 不存在"
    known = {(figure.value, figure.unit) for figure in figures(clause.text)}
    lost = [_show(line) for value in line.figures if (value, line.unit) not in known]
    return f"条款 {line.clause} 中没有“{lost[0]}”" if lost else None


def _shadowed(version: Version, line: Line) -> str | None:
    """Whether earlier lines of `count` always win against this one, alone or together."""
    if not isinstance(line, Count):
        return None
    kinds = product(get_args(Category), (*get_args(Organiser), None))
    winners = {version.count[version.places[kind]].id for kind in kinds if line.where.takes(*kind)}
    return None if line.id in winners else f"永远轮不到：{'、'.join(sorted(winners))} 已先取走"


def _show(line: Line) -> str:
    """The line's figures as its clause writes them: 12学时, 5年, 10%."""
    scale = 100 if line.unit == "%" else 1
    return "、".join(f"{_decimal(value * scale)}{line.unit}" for value in line.figures)


def _decimal(value: Fraction) -> str:
    return f"{Decimal(value.numerator) / value.denominator:f}"
