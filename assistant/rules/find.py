"""Which rule set holds for a place and a year."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from assistant.identity import holds
from assistant.rules.schema import RuleFile, Version


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A policy's rules: whose they are and where they hold. From the day `replaced` on a successor holds instead.

    `sha256` is of the policy's files: what was computed under others is out of date.
    """

    policy_id: str
    unit: str
    rules: RuleFile
    replaced: date | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Applicable:
    """The version that is applied to a year. `carried_forward`: its validity has ended and nothing came after it."""

    policy_id: str
    unit: str
    version: Version
    carried_forward: bool
    start: date
    end: date


def find(rule_sets: Iterable[RuleSet], place: str, year: int) -> Applicable | None:
    """The deepest policy with hour rules whose unit holds `place` and that is in force in `year`.

    Where none is in force, the deepest one that has ended without a successor is carried forward. None: no hour rule,
    or only later ones, or a successor without any.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    found: list[tuple[bool, int, date, Applicable]] = []
    for rule_set in rule_sets:
        if not holds(rule_set.unit, place) or (rule_set.replaced and rule_set.replaced <= first):
            continue
        for version in rule_set.rules.with_hours:
            if version.from_ <= last:
                in_force = version.overlaps(first, last)
                applicable = Applicable(
                    rule_set.policy_id, rule_set.unit, version, not in_force, *version.cycle.period(year)
                )
                found.append((in_force, rule_set.unit.count("/"), version.from_, applicable))
    return max(found, key=lambda item: item[:3])[3] if found else None
