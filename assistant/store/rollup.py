"""What compliance is counted from: sums by school, teachers one by one, budgets, coverage."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, case, func, select

from assistant.rules.find import Applicable, Territory
from assistant.rules.schema import Organiser
from assistant.store.population import (
    BY,
    FIGURES,
    SHORT,
    Condition,
    employed,
    employed_in,
    of,
    standings,
    states,
    unruled,
    within,
)
from assistant.store.standings import good
from assistant.store.tables import Budget, Standing, Teacher, Unit

_AMOUNTS = ("public_funds", "training_spend", "payroll", "training_appropriation")


class Reached(NamedTuple):
    """How far approved training of an organiser reached some teachers in a year."""

    persons: int
    person_times: int


class SchoolSums(NamedTuple):
    """A school's teachers and the sums of what they lack, in hundredths; by category in the order of `SHORT`.

    `in_year`: their records of the calendar year; `reached`: what those that are approved come to, by organiser.
    """

    unit: str
    teachers: int
    met: int
    no_records: int
    remaining: int
    short: Sequence[int]
    in_year: int
    reached: Mapping[Organiser, Reached]


class TeacherState(NamedTuple):
    """One teacher's standing, in hundredths. `counted`, `remaining` and `short` are None where no rule holds."""

    teacher_id: str
    name: str
    unit: str
    records: int
    pending: int
    counted: int | None
    remaining: int | None
    short: Sequence[int]


def levels(connection: Connection, unit: str) -> dict[str, str]:
    """The level of a unit and of all below it, in the order of the paths."""
    query = select(Unit.unit, Unit.level).where(within(unit, Unit.unit)).order_by(Unit.unit)
    return {row.unit: row.level for row in connection.execute(query)}


def by_school(
    connection: Connection,
    territory: Territory,
    year: int,
    day: date,
    organisers: Sequence[Organiser],
    from_store: bool,
) -> list[SchoolSums] | None:
    """The sums of every school of a territory that employs somebody on `day`; of stored standings, or computed.

    `organisers`: those whose training is asked about. None: not every teacher's standing is stored.
    """
    found, joined = _states(connection, territory, year, from_store)
    sums: list[Any] = [
        func.count(found.c.teacher_id),
        func.count(),
        func.sum(case((found.c.remaining == 0, 1), else_=0)),
        func.sum(case((func.coalesce(found.c.records, 0) == 0, 1), else_=0)),
        func.sum(found.c.remaining),
        *(func.sum(found.c[name]) for name in SHORT.values()),
        func.sum(found.c.in_year),
    ]
    for times in (found.c[BY[organiser]] for organiser in organisers):
        sums += [func.sum(case((times > 0, 1), else_=0)), func.sum(times)]
    query = select(Teacher.unit, *sums).outerjoin(found, joined)
    query = query.where(employed_in(territory, day)).group_by(Teacher.unit).order_by(Teacher.unit)
    schools = list[SchoolSums]()
    for unit, *numbers in connection.execute(query):
        known, teachers, met, no_records, remaining, *rest = (int(number or 0) for number in numbers)
        if from_store and known < teachers:
            return None
        short, in_year, reach = rest[: len(SHORT)], rest[len(SHORT)], iter(rest[len(SHORT) + 1 :])
        reached = {organiser: Reached(next(reach), next(reach)) for organiser in organisers}
        schools.append(SchoolSums(unit, teachers, met, no_records, remaining, short, in_year, reached))
    return schools


def by_teacher(
    connection: Connection, territory: Territory, year: int, day: date, from_store: bool
) -> list[TeacherState] | None:
    """Every teacher of a territory who is employed on `day`. None: not every teacher's standing is stored."""
    found, joined = _states(connection, territory, year, from_store)
    columns = [Teacher.teacher_id, Teacher.name, Teacher.unit, *(found.c[name] for name in FIGURES)]
    query = select(*columns).outerjoin(found, joined).where(employed_in(territory, day)).order_by(Teacher.unit)
    rows = connection.execute(query.order_by(Teacher.teacher_id)).all()
    if from_store and any(row.counted is None for row in rows):
        return None
    return [
        TeacherState(
            row.teacher_id,
            row.name,
            row.unit,
            row.records or 0,
            row.pending or 0,
            row.counted,
            row.remaining,
            [getattr(row, name) or 0 for name in SHORT.values()],
        )
        for row in rows
    ]


class Flip(NamedTuple):
    """A teacher who meets one rule set and not the other: what remains under each, in hundredths."""

    teacher_id: str
    name: str
    unit: str
    before: int
    after: int


def flips(connection: Connection, old: Applicable, new: Applicable, unit: str, day: date) -> list[Flip]:
    """The teachers of a unit whose verdict another rule set turns round."""
    mine = and_(within(unit), employed(day))
    first, second = (standings(connection.dialect.name, one, mine).subquery() for one in (old, new))
    query = select(Teacher.teacher_id, Teacher.name, Teacher.unit, first.c.remaining, second.c.remaining)
    query = query.join(first, first.c.teacher_id == Teacher.teacher_id)
    query = query.join(second, second.c.teacher_id == Teacher.teacher_id)
    turned = (first.c.remaining == 0) != (second.c.remaining == 0)
    return [Flip(*row) for row in connection.execute(query.where(turned).order_by(Teacher.unit, Teacher.teacher_id))]


def staff(connection: Connection, unit: str, day: date) -> int:
    """How many teachers a unit employs."""
    query = select(func.count()).select_from(Teacher).where(within(unit), employed(day))
    return connection.execute(query).scalar_one()


def budgets(connection: Connection, unit: str, year: int) -> dict[str, dict[str, int | None]]:
    """The amounts of a year, in fen, of a unit and of those below it that reported any."""
    query = select(Budget.unit, *(getattr(Budget, name) for name in _AMOUNTS))
    rows = connection.execute(query.where(within(unit, Budget.unit), Budget.year == year))
    return {row[0]: dict(zip(_AMOUNTS, row[1:], strict=True)) for row in rows}


def _states(connection: Connection, territory: Territory, year: int, from_store: bool) -> tuple[Any, Condition]:
    """What holds the states of a territory's teachers, and whose each is. Without a rule nothing is stored."""
    applied = territory.applied
    if applied is not None and from_store:
        return Standing.__table__, good(applied, year)
    mine = of(territory)
    made = (
        unruled(connection.dialect.name, year, mine)
        if applied is None
        else states(connection.dialect.name, applied, year, mine)
    )
    found = made.subquery("found")
    return found, found.c.teacher_id == Teacher.teacher_id
