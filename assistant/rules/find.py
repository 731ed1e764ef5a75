"""Which rule set holds for a place and a year."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from assistant.identity import holds
from assistant.rules.schema import Coverage, Dated, Ratio, RuleFile, Version


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
    sha256: str = ""

    @property
    def cites(self) -> set[str]:
        """The policies whose clauses the rules cite."""
        return {line.policy or self.policy_id for line in self.version.lines()}

    @property
    def stamp(self) -> str:
        """Names the rules and the period: what was computed under another stamp is out of date."""
        said = f"{self.policy_id}|{self.sha256}|{self.version.from_}|{self.carried_forward}|{self.start}|{self.end}"
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Territory:
    """A unit and all below it, save `without` and below: one rule set holds there. `applied` None: no hour rule."""

    unit: str
    without: Sequence[str]
    applied: Applicable | None

    def membership(self, year: int, today: date) -> date:
        """The day on which whoever is employed belongs to it: the period's last, or today if that is earlier."""
        return min(self.applied.end if self.applied else date(year, 12, 31), today)


@dataclass(frozen=True, slots=True)
class Binding:
    """A ratio or coverage rule that binds a unit. `carried_forward` as in `Applicable`."""

    policy_id: str
    rule: Ratio | Coverage
    carried_forward: bool


def find(rule_sets: Iterable[RuleSet], place: str, year: int) -> Applicable | None:
    """The deepest policy with hour rules whose unit holds `place` and that is in force in `year`.

    Where none is in force, the deepest one that has ended without a successor is carried forward. None: no hour rule,
    or only later ones, or a successor without any.
    """
    found = _deepest(rule_sets, place, year, lambda rules: rules.with_hours)
    if found is None:
        return None
    rule_set, version, in_force = found
    return Applicable(
        rule_set.policy_id, rule_set.unit, version, not in_force, *version.cycle.period(year), rule_set.sha256
    )


def territories(rule_sets: Sequence[RuleSet], unit: str, year: int) -> list[Territory]:
    """The parts of a unit that have rules of their own, and the rest of it."""
    own = {one.unit for one in rule_sets if one.rules.with_hours and holds(unit, one.unit)}
    places = sorted({unit, *own})
    return [
        Territory(place, [one for one in places if one != place and holds(place, one)], find(rule_sets, place, year))
        for place in places
    ]


def bindings(rule_sets: Sequence[RuleSet], unit: str, year: int) -> list[Binding]:
    """The ratio and the coverage rules that bind a unit in a year: each kind's, of the deepest policy that has some."""
    ratio = _deepest(rule_sets, unit, year, lambda rules: [one for one in rules.versions if one.ratio])
    coverage = _deepest(rule_sets, unit, year, lambda rules: [one for one in rules.versions if one.coverage])
    bound: list[Binding] = []
    for found, lines in ((ratio, ratio and ratio[1].ratio), (coverage, coverage and coverage[1].coverage)):
        bound += [Binding(found[0].policy_id, line, not found[2]) for line in lines or () if found]
    return bound


_V = TypeVar("_V", bound=Dated)


def _deepest(
    rule_sets: Iterable[RuleSet], place: str, year: int, versions: Callable[[RuleFile], Iterable[_V]]
) -> tuple[RuleSet, _V, bool] | None:
    """The deepest policy's version for a place and a year, and whether it is in force: one that is comes first."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    found: list[tuple[RuleSet, _V, bool]] = []
    for rule_set in rule_sets:
        if not holds(rule_set.unit, place) or (rule_set.replaced and rule_set.replaced <= first):
            continue
        found += [(rule_set, one, one.overlaps(first, last)) for one in versions(rule_set.rules) if one.from_ <= last]
    return max(found, key=lambda one: (one[2], one[0].unit.count("/"), one[1].from_), default=None)
