"""Everyone's hours in one statement: the rules of `assistant.rules.calculate`, compiled to SQL.

The same definition read a second way: which line takes a record, what a cap cuts off, what is short and what remains.
Whole hundredths throughout. Tests hold both readings equal on random rules and records.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import reduce
from operator import add
from typing import Any, get_args

from sqlalchemy import ColumnElement, Select, and_, case, false, func, literal, or_, select, true

from assistant.rules.calculate import PENDING
from assistant.rules.find import Applicable, Territory
from assistant.rules.schema import Category, Organiser, Version
from assistant.store.tables import Credit, Teacher

CATEGORIES: tuple[Category, ...] = get_args(Category)
# The columns of a standing, in the order of `standings`; one for each category's shortfall.
_NAMES = dict(zip(CATEGORIES, ("public", "subject", "elective"), strict=True))
SHORT = {category: f"short_{name}" for category, name in _NAMES.items()}
FIGURES = ("records", "counted", "remaining", "pending", *SHORT.values())

Condition = ColumnElement[bool]


def within(unit: str, column: Any = Teacher.unit) -> Condition:
    """Whether a path is `unit` or lies below it: a stretch of the column's index, since "0" follows "/"."""
    # The stretch is said by itself: databases find none in the alternative, and would read the whole table.
    return and_(column >= unit, column < f"{unit}0", or_(column == unit, column > f"{unit}/"))


def of(territory: Territory) -> Condition:
    """Whether a teacher belongs to a territory."""
    return and_(within(territory.unit), *(~within(other) for other in territory.without))


def employed(day: date) -> Condition:
    """Whether a teacher is employed on a day."""
    return and_(Teacher.employed_from <= day, or_(Teacher.employed_to.is_(None), Teacher.employed_to >= day))


def employed_in(territory: Territory, day: date) -> Condition:
    """Whether a teacher belongs to a territory and is employed on a day."""
    return and_(of(territory), employed(day))


def standings(applied: Applicable, teachers: Condition | None = None) -> Select[Any]:
    """A row for each of the teachers (None: all): teacher_id and FIGURES.

    `records` counts those dated in the period, whatever their status.
    """
    version, sums = applied.version, _sums(applied, teachers).subquery("sums")
    minima = {name: line.at_least for name, line in version.minima.items()}
    required = version.total.at_least if version.total else sum(minima.values())

    counted = [_counted(version, category, sums).label(name) for category, name in _NAMES.items()]
    have = select(sums.c.teacher_id, sums.c.records, sums.c.pending, *counted).subquery("have")

    short = [_positive(minima.get(one, 0) - have.c[name]).label(SHORT[one]) for one, name in _NAMES.items()]
    total = _sum([have.c[name] for name in _NAMES.values()]).label("counted")
    gaps = select(have.c.teacher_id, have.c.records, have.c.pending, total, *short).subquery("gaps")

    gap, shortfalls = required - gaps.c.counted, _sum([gaps.c[column] for column in SHORT.values()])
    remaining = case((gap > shortfalls, gap), else_=shortfalls).label("remaining")
    columns = {"remaining": remaining, **{name: gaps.c[name] for name in FIGURES if name != "remaining"}}
    return select(gaps.c.teacher_id, *(columns[name] for name in FIGURES))


def _sums(applied: Applicable, teachers: Condition | None) -> Select[Any]:
    """Each teacher's records, pending hours, and hours by category and by capped line.

    Teachers lead: an index gives the records of each without their table, in the order in which they are summed.
    """
    version = applied.version
    admitted = Credit.status.in_(sorted(version.admitted))
    wanted = {"pending": and_(Credit.status == PENDING, ~admitted)}
    for category, name in _NAMES.items():
        takers = _takers(version, category)
        sources = {name: [one for some in takers.values() for one in some]}
        sources |= {f"line_{place}": takers[place] for place in takers if version.count[place].at_most is not None}
        for source, organisers in sources.items():
            # Databases ask in this order, of every record: first what most records fail.
            wanted[source] = and_(_by(organisers), Credit.category == category, admitted)
    sums = {name: func.coalesce(func.sum(Credit.hours).filter(meant), 0) for name, meant in wanted.items()}
    columns: list[Any] = [Teacher.teacher_id, func.count(Credit.teacher_id).label("records")]
    columns += [one.label(name) for name, one in sums.items()]
    dated = Credit.completed_on.between(applied.start, applied.end)
    query = select(*columns).outerjoin(Credit, and_(Credit.teacher_id == Teacher.teacher_id, dated))
    return (query if teachers is None else query.where(teachers)).group_by(Teacher.teacher_id)


def _takers(version: Version, category: Category) -> dict[int, list[str]]:
    """The organisers whose records of a category count, by the place of the line that takes them."""
    organisers: dict[int, list[str]] = defaultdict(list)
    for organiser in get_args(Organiser):
        place = version.places[category, organiser]
        if place < len(version.count):
            organisers[place].append(organiser)
    return organisers


def _counted(version: Version, category: Category, sums: Any) -> Any:
    """What counts in a category: all that a line takes, less what is above a line's cap."""
    counted = sums.c[_NAMES[category]]
    for place in _takers(version, category):
        if (cap := version.count[place].at_most) is not None:
            counted = counted - _positive(sums.c[f"line_{place}"] - cap)
    return counted


def _by(organisers: Sequence[str]) -> Condition:
    """Whether a record is by one of these, said as shortly as can be."""
    if not organisers:
        return false()
    others = [one for one in get_args(Organiser) if one not in organisers]
    if not others:
        return true()
    return Credit.organiser.in_(organisers) if len(organisers) <= len(others) else Credit.organiser.not_in(others)


def _positive(number: Any) -> Any:
    """The number, or 0 where it is negative."""
    return case((number > 0, number), else_=0)


def _sum(parts: Sequence[Any]) -> Any:
    return reduce(add, parts) if parts else literal(0)
