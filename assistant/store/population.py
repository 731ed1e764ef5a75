"""Everyone's hours in one statement: the rules of `assistant.rules.calculate`, compiled to SQL.

The same definition read a second way: which line takes a record, what a cap cuts off, what is short and what remains.
Whole hundredths throughout. Tests hold both readings equal on random rules and records.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import reduce
from itertools import product
from operator import add
from typing import Any, NamedTuple, get_args

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, true

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
    return or_(column == unit, and_(column > f"{unit}/", column < f"{unit}0"))


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
    version, sums = applied.version, _sums(applied, teachers)
    minima = {name: line.at_least for name, line in version.minima.items()}
    required = version.total.at_least if version.total else sum(minima.values())

    query = select(
        Teacher.teacher_id,
        func.coalesce(sums.c.records, 0).label("records"),
        func.coalesce(sums.c.pending, 0).label("pending"),
        *(_counted(version, category, sums).label(name) for category, name in _NAMES.items()),
    ).outerjoin(sums, sums.c.teacher_id == Teacher.teacher_id)
    have = (query if teachers is None else query.where(teachers)).subquery("have")

    short = [_positive(minima.get(one, 0) - have.c[name]).label(SHORT[one]) for one, name in _NAMES.items()]
    total = _sum([have.c[name] for name in _NAMES.values()]).label("counted")
    gaps = select(have.c.teacher_id, have.c.records, have.c.pending, total, *short).subquery("gaps")

    gap, shortfalls = required - gaps.c.counted, _sum([gaps.c[column] for column in SHORT.values()])
    remaining = case((gap > shortfalls, gap), else_=shortfalls).label("remaining")
    columns = {"remaining": remaining, **{name: gaps.c[name] for name in FIGURES if name != "remaining"}}
    return select(gaps.c.teacher_id, *(columns[name] for name in FIGURES))


class _Source(NamedTuple):
    """Records that go into one sum: a category's of one capped line, or all others that count in it."""

    category: Category
    cap: int | None
    records: Condition


def _sources(version: Version) -> dict[str, _Source]:
    """The sums that a version needs, by name."""
    organisers: dict[tuple[str, Category, int | None], list[str]] = defaultdict(list)
    for category, organiser in product(CATEGORIES, get_args(Organiser)):
        place = version.places[category, organiser]
        if place < len(version.count):
            cap = version.count[place].at_most
            name = _NAMES[category] if cap is None else f"line_{place}"
            organisers[name, category, cap].append(organiser)
    return {
        name: _Source(category, cap, and_(Credit.category == category, _by(some)))
        for (name, category, cap), some in organisers.items()
    }


def _by(organisers: Sequence[str]) -> Condition:
    """Whether a record is by one of these, said as shortly as can be."""
    others = [one for one in get_args(Organiser) if one not in organisers]
    if not others:
        return true()
    return Credit.organiser.in_(organisers) if len(organisers) <= len(others) else Credit.organiser.not_in(others)


def _sums(applied: Applicable, teachers: Condition | None) -> Any:
    """The sums by teacher, which an index gives without the table; NULL where there is nothing to sum."""
    admitted = Credit.status.in_(sorted(applied.version.admitted))
    pending = and_(Credit.status == PENDING, ~admitted)
    query = select(
        Credit.teacher_id,
        func.count().label("records"),
        func.sum(Credit.hours).filter(pending).label("pending"),
        *(
            func.sum(Credit.hours).filter(and_(admitted, source.records)).label(name)
            for name, source in _sources(applied.version).items()
        ),
    ).where(Credit.completed_on.between(applied.start, applied.end))
    if teachers is not None:
        query = query.where(Credit.teacher_id.in_(select(Teacher.teacher_id).where(teachers)))
    return query.group_by(Credit.teacher_id).subquery("sums")


def _counted(version: Version, category: Category, sums: Any) -> Any:
    """What counts in a category: each of its sums, cut to its cap."""
    parts = [
        func.coalesce(sums.c[name] if source.cap is None else _at_most(sums.c[name], source.cap), 0)
        for name, source in _sources(version).items()
        if source.category == category
    ]
    return _sum(parts)


def _at_most(number: Any, most: int) -> Any:
    return case((number > most, most), else_=number)


def _positive(number: Any) -> Any:
    """The number, or 0 where it is negative."""
    return case((number > 0, number), else_=0)


def _sum(parts: Sequence[Any]) -> Any:
    return reduce(add, parts) if parts else literal(0)
