"""Compliance of a unit: who has met the year's hours, by school, town or city, and the rules on money and coverage.

Counted from the verdicts that teachers are told: rows add up to the totals, and each teacher's figures are the chat's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from assistant import hours
from assistant.errors import NotFound
from assistant.identity import Level
from assistant.rules.find import Applicable, Binding, RuleSet, Territory, bindings, territories
from assistant.rules.schema import Coverage, Organiser, Ratio
from assistant.store import policies, rollup, standings
from assistant.store.database import Connection, Database
from assistant.store.population import CATEGORIES, employed_in, of
from assistant.store.rollup import SchoolSums, TeacherState

CheckStatus = Literal["met", "short", "no_data"]
_PLACES = Decimal("0.0001")
_Part = tuple[Territory, SchoolSums]  # a school, and the territory that it lies in


class Check(BaseModel):
    """A ratio or coverage rule held against a unit. `value` is cut to four decimals, null where data is missing."""

    rule: str
    name: str
    value: str | None
    minimum: str
    status: CheckStatus
    policy_id: str
    locator: str
    carried_forward: bool


class Row(BaseModel):
    """A unit. `teachers` are those employed; the rest counts those of them that an hour rule holds for.

    Counts of met and short, `rate`, `remaining` are null where no hour rule holds for anybody. Hours as strings.
    """

    unit: str
    level: str
    teachers: int
    met: int | None
    short: int | None
    no_records: int
    rate: str | None
    shortfall: dict[str, str]
    remaining: str | None
    checks: list[Check]


class TeacherRow(BaseModel):
    """A teacher's figures, as told in chat; null where no hour rule holds. `records`: of the period, of any status."""

    teacher_id: str
    name: str
    unit: str
    records: int
    counted: str | None
    remaining: str | None
    met: bool | None
    pending: str
    shortfall: dict[str, str]


class RulesUsed(BaseModel):
    """The rules of a part of the unit: policy, the version's first day, the period reckoned."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    unit: str
    rule_set: str | None
    version: date | None
    carried_forward: bool
    from_: date | None = Field(alias="from")
    to: date | None


class Report(BaseModel):
    """Compliance of a unit and a year as of a day. `rule_set`: null where none holds, or not one for all (`rules`)."""

    unit: str
    year: int
    level: Level
    as_of: date
    rule_set: str | None
    carried_forward: bool
    rules: list[RulesUsed]
    rows: list[Row]
    totals: Row
    teachers: list[TeacherRow]


def compliance(database: Database, unit: str, year: int, level: Level, today: date) -> Report:
    """The report of a unit. NotFound: there is no such unit; Unavailable: no policy was ever read.

    What had to be computed is stored afterwards, so that the next look at it is quick.
    """
    with database.read() as connection:
        report, computed = _report(connection, unit, year, level, today)
    for territory in computed:
        if territory.applied:
            standings.fill(database, territory.applied, year, employed_in(territory, territory.membership(year, today)))
    return report


def verify(database: Database, unit: str, year: int) -> tuple[int, list[str]]:
    """How many of a unit's standings are stored, and of which teachers they aren't what the records make now: none."""
    stored, wrong = 0, list[str]()
    with database.read() as connection:
        if unit not in rollup.levels(connection, unit):
            raise NotFound("没有这个单位，请核对路径。")
        for part in territories(policies.rule_sets(connection), unit, year):
            if part.applied:
                stored += standings.count(connection, part.applied, year, of(part))
                wrong += standings.differing(connection, part.applied, year, of(part))
    return stored, wrong


class Changes(NamedTuple):
    """How many teachers there are, and those whose verdict turns round."""

    teachers: int
    flips: Sequence[rollup.Flip]


def changes(database: Database, old: Applicable, new: Applicable, unit: str, year: int, today: date) -> Changes:
    """Who would meet the hours no more, and who would now, under other rules. NotFound: there is no such unit."""
    day = min(old.end, date(year, 12, 31), today)
    with database.read() as connection:
        if unit not in rollup.levels(connection, unit):
            raise NotFound("没有这个单位，请核对路径。")
        return Changes(rollup.staff(connection, unit, day), rollup.flips(connection, old, new, unit, day))


def _report(connection: Connection, unit: str, year: int, level: Level, today: date) -> tuple[Report, list[Territory]]:
    levels = rollup.levels(connection, unit)
    if unit not in levels:
        raise NotFound("没有这个单位，请核对路径。")
    known = policies.rule_sets(connection)
    parts = territories(known, unit, year)
    schools, teachers, computed = list[_Part](), list[TeacherRow](), list[Territory]()
    checks = _Checks(known, rollup.budgets(connection, unit, year), year)
    last_day = min(date(year, 12, 31), today)
    for part in parts:
        day = part.membership(year, today)
        sums, stored = _by_school(connection, part, year, day, checks.organisers)
        if not stored:
            computed.append(part)
        schools += [(part, one) for one in sums]
        # Coverage is the calendar year's, wherever a cycle of several years ends.
        checks.reach(sums if day == last_day else _by_school(connection, part, year, last_day, checks.organisers)[0])
        if level == "teacher":
            states = rollup.by_teacher(connection, part, year, day, from_store=stored) or []
            teachers += [_teacher(part, state) for state in states]
    places = [unit] if level in ("teacher", levels[unit]) else _places(levels, level, (one.unit for _, one in schools))
    below = _below(places, schools)
    rows = [_row(place, levels[place], below[place], checks.of(place, levels[place])) for place in places]
    totals = _row(unit, levels[unit], schools, checks.of(unit, levels[unit]))
    staffed = [part for part in parts if any(one is part for one, _ in schools)] or parts[:1]
    only = staffed[0].applied if len({part.applied and part.applied.stamp for part in staffed}) == 1 else None
    report = Report(
        unit=unit,
        year=year,
        level=level,
        as_of=today,
        rule_set=only and only.policy_id,
        carried_forward=any(part.applied is not None and part.applied.carried_forward for part in staffed),
        rules=[_used(part) for part in staffed],
        rows=rows,
        totals=totals,
        teachers=sorted(teachers, key=lambda one: (one.unit, one.teacher_id)),
    )
    return report, computed


def _by_school(
    connection: Connection, part: Territory, year: int, day: date, organisers: Sequence[Organiser]
) -> tuple[list[SchoolSums], bool]:
    """The sums of a part's schools, and whether they are of stored standings."""
    if part.applied is not None:
        stored = rollup.by_school(connection, part, year, day, organisers, from_store=True)
        if stored is not None:
            return stored, True
    return rollup.by_school(connection, part, year, day, organisers, from_store=False) or [], False


def _places(levels: dict[str, str], level: str, staffed: Iterable[str]) -> list[str]:
    """The units of a level, and schools with teachers that lie below none of them: rows leave nobody out."""
    places = [path for path, one in levels.items() if one == level]
    there = set(places)
    outside = {school for school in staffed if not any(above in there for above in _line(school))}
    return sorted(there | outside)


def _line(path: str) -> list[str]:
    """A unit and those above it."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]


def _below(places: Iterable[str], schools: Sequence[_Part]) -> dict[str, list[_Part]]:
    """The schools of each place: of two places one below the other, a school is counted in the lower one alone."""
    found: dict[str, list[_Part]] = {place: [] for place in places}
    for part in schools:
        if nearest := next((above for above in _line(part[1].unit) if above in found), None):
            found[nearest].append(part)
    return found


def _used(part: Territory) -> RulesUsed:
    applied = part.applied
    if applied is None:
        return RulesUsed(unit=part.unit, rule_set=None, version=None, carried_forward=False, from_=None, to=None)
    return RulesUsed(
        unit=part.unit,
        rule_set=applied.policy_id,
        version=applied.version.from_,
        carried_forward=applied.carried_forward,
        from_=applied.start,
        to=applied.end,
    )


def _shortfall(part: Territory, short: Sequence[int]) -> dict[str, int]:
    """By category, those with a minimum in the rules' order."""
    if part.applied is None:
        return {}
    return {name: short[CATEGORIES.index(name)] for name in CATEGORIES if name in part.applied.version.minima}


def _row(place: str, level: str, schools: Iterable[_Part], checks: list[Check]) -> Row:
    teachers = ruled = met = no_records = remaining = 0
    shortfall: dict[str, int] = defaultdict(int)
    for part, one in schools:
        teachers, no_records = teachers + one.teachers, no_records + one.no_records
        if part.applied:
            ruled, met, remaining = ruled + one.teachers, met + one.met, remaining + one.remaining
            for name, short in _shortfall(part, one.short).items():
                shortfall[name] += short
    return Row(
        unit=place,
        level=level,
        teachers=teachers,
        met=met if ruled else None,
        short=ruled - met if ruled else None,
        no_records=no_records,
        rate=_decimal(Fraction(met, ruled)) if ruled else None,
        shortfall={name: hours.show(short) for name, short in shortfall.items()},
        remaining=hours.show(remaining) if ruled else None,
        checks=checks,
    )


def _teacher(part: Territory, state: TeacherState) -> TeacherRow:
    def shown(number: int | None) -> str | None:
        return None if number is None else hours.show(number)

    return TeacherRow(
        teacher_id=state.teacher_id,
        name=state.name,
        unit=state.unit,
        records=state.records,
        counted=shown(state.counted),
        remaining=shown(state.remaining),
        met=None if state.remaining is None else state.remaining == 0,
        pending=hours.show(state.pending),
        shortfall={name: hours.show(short) for name, short in _shortfall(part, state.short).items()},
    )


class _Checks:
    """The ratio and coverage rules held against a unit and those below it."""

    def __init__(
        self, rule_sets: Sequence[RuleSet], budgets: Mapping[str, Mapping[str, int | None]], year: int
    ) -> None:
        self._rule_sets, self._budgets, self._year = rule_sets, budgets, year
        versions = (version for rule_set in rule_sets for version in rule_set.rules.versions)
        self.organisers = sorted({line.organiser for version in versions for line in version.coverage})
        self._reached: dict[str, _Reach] = defaultdict(_Reach)

    def reach(self, schools: Iterable[SchoolSums]) -> None:
        """Take in how far training reached the teachers of some schools."""
        for one in schools:
            for place in _line(one.unit):
                self._reached[place].add(one)

    def of(self, place: str, level: str) -> list[Check]:
        """The checks of a unit, by the rules' order."""
        bound = bindings(self._rule_sets, place, self._year)
        return [self._check(place, one) for one in bound if level in one.rule.per]

    def _check(self, place: str, bound: Binding) -> Check:
        rule = bound.rule
        top, bottom = self._coverage(place, rule) if isinstance(rule, Coverage) else self._amounts(place, rule)
        value = None if top is None or not bottom else Fraction(top, bottom)
        return Check(
            rule=rule.id,
            name=rule.name,
            value=None if value is None else _decimal(value),
            minimum=_exact(rule.at_least),
            status="no_data" if value is None else "met" if value >= rule.at_least else "short",
            policy_id=bound.policy_id,
            locator=rule.clause,
            carried_forward=bound.carried_forward,
        )

    def _amounts(self, place: str, rule: Ratio) -> tuple[int | None, int | None]:
        amounts = self._budgets.get(place, {})
        return amounts.get(rule.top), amounts.get(rule.bottom)

    def _coverage(self, place: str, rule: Coverage) -> tuple[int | None, int | None]:
        """Reached and all; nothing where not one record of the year is there: that is missing data, and no zero."""
        here = self._reached.get(place)
        if here is None or not here.records:
            return None, None
        reached = here.person_times if rule.count == "person_times" else here.persons
        return reached[rule.organiser], here.teachers


class _Reach:
    """How far training reached the teachers of a place and below in a year: sums of its schools."""

    def __init__(self) -> None:
        self.teachers = self.records = 0
        self.persons, self.person_times = Counter[Organiser](), Counter[Organiser]()

    def add(self, school: SchoolSums) -> None:
        """One more school."""
        self.teachers, self.records = self.teachers + school.teachers, self.records + school.in_year
        for organiser, reached in school.reached.items():
            self.persons[organiser] += reached.persons
            self.person_times[organiser] += reached.person_times


def _exact(share: Fraction) -> str:
    """A rule's share as it is: a decimal where there is one, else the fraction."""
    decimal = Decimal(share.numerator) / share.denominator
    return f"{decimal.normalize():f}" if Fraction(decimal) == share else f"{share.numerator}/{share.denominator}"


def _decimal(value: Fraction) -> str:
    """Cut, never rounded up to a minimum that isn't reached: 0.0999 of 1/10 stays short of it."""
    cut = (Decimal(value.numerator) / value.denominator).quantize(_PLACES, ROUND_DOWN)
    return f"{cut.normalize():f}"
