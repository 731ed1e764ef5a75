"""What compliance is counted from: sums by school, teachers one by one, budgets, coverage."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Select, and_, case, cast, func, null, select

from assistant.rules.calculate import PENDING
from assistant.rules.find import Applicable, Territory
from assistant.store.population import FIGURES, SHORT, Condition, employed, employed_in, of, standings, within
from assistant.store.standings import good
from assistant.store.tables import Budget, Credit, Standing, Teacher, Unit

_APPROVED = "已审核"
_AMOUNTS = ("public_funds", "training_spend", "payroll", "training_appropriation")


class SchoolSums(NamedTuple):
    """A school's teachers and the sums of what they lack, in hundredths; by category in the order of `SHORT`."""

    unit: str
    teachers: int
    met: int
    no_records: int
    remaining: int
    short: Sequence[int]


class TeacherState(NamedTuple):
    """One teacher's standing, in hundredths. `counted`, `remaining` and `short` are None where no rule holds."""

    teacher_id: str
    name: str
    unit: str
    pending: int
    counted: int | None
    remaining: int | None
    short: Sequence[int]


class Reached(NamedTuple):
    """A school's teachers, their records of a year, and how far approved training of a kind reached them."""

    unit: str
    teachers: int
    records: int
    persons: int
    person_times: int


def levels(connection: Connection, unit: str) -> dict[str, str]:
    """The level of a unit and of all below it, in the order of the paths."""
    query = select(Unit.unit, Unit.level).where(within(unit, Unit.unit)).order_by(Unit.unit)
    return {row.unit: row.level for row in connection.execute(query)}


def by_school(
    connection: Connection, territory: Territory, year: int, day: date, from_store: bool
) -> list[SchoolSums] | None:
    """The sums of every school of a territory that employs somebody on `day`; of stored standings, or computed.

    None: not every teacher's standing is stored.
    """
    found, joined = _standings(territory, year, from_store)
    sums: list[Any] = [
        func.count(found.c.teacher_id),
        func.count(),
        func.sum(case((found.c.remaining == 0, 1), else_=0)),
        func.sum(case((func.coalesce(found.c.records, 0) == 0, 1), else_=0)),
        func.sum(found.c.remaining),
        *(func.sum(found.c[name]) for name in SHORT.values()),
    ]
    query = select(Teacher.unit, *sums).outerjoin(found, joined)
    query = query.where(employed_in(territory, day)).group_by(Teacher.unit).order_by(Teacher.unit)
    rows = [(row[0], *(int(number or 0) for number in row[1:])) for row in connection.execute(query)]
    if from_store and any(known < teachers for _, known, teachers, *_ in rows):
        return None
    return [SchoolSums(row[0], row[2], row[3], row[4], row[5], row[6:]) for row in rows]


def by_teacher(
    connection: Connection, territory: Territory, year: int, day: date, from_store: bool
) -> list[TeacherState] | None:
    """Every teacher of a territory who is employed on `day`. None: not every teacher's standing is stored."""
    found, joined = _standings(territory, year, from_store)
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
    first, second = standings(old, mine).subquery("old"), standings(new, mine).subquery("new")
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


def reached(
    connection: Connection, unit: str, year: int, day: date, organisers: Sequence[str]
) -> dict[str, list[Reached]]:
    """How far training by each of some organisers reached the teachers of each school of a unit."""
    dated = Credit.completed_on.between(date(year, 1, 1), date(year, 12, 31))
    sums: list[Any] = [func.count(Teacher.teacher_id.distinct()), func.count(Credit.teacher_id)]
    for organiser in organisers:
        meant = and_(Credit.organiser == organiser, Credit.status == _APPROVED)
        sums += [func.count(Teacher.teacher_id.distinct()).filter(meant), func.count().filter(meant)]
    query = select(Teacher.unit, *sums).outerjoin(Credit, and_(Credit.teacher_id == Teacher.teacher_id, dated))
    query = query.where(within(unit), employed(day)).group_by(Teacher.unit)
    rows = connection.execute(query).all()
    return {
        organiser: [Reached(*row[:3], *row[place : place + 2]) for row in rows]
        for place, organiser in zip(range(3, 3 + 2 * len(organisers), 2), organisers, strict=True)
    }


def _standings(territory: Territory, year: int, from_store: bool) -> tuple[Any, Condition]:
    """What holds the standings of a territory's teachers, and whose each is.

    Without a rule, those who have records have one: the records and pending hours of the year, all else empty.
    """
    applied = territory.applied
    if applied is not None and from_store:
        return Standing.__table__, good(applied, year)
    found = (_unruled(territory, year) if applied is None else standings(applied, of(territory))).subquery("found")
    return found, found.c.teacher_id == Teacher.teacher_id


def _unruled(territory: Territory, year: int) -> Select[Any]:
    nothing = cast(null(), BigInteger)  # PostgreSQL sums no NULL of an unknown type
    known = {
        "records": func.count(),
        "pending": func.sum(case((Credit.status == PENDING, Credit.hours), else_=0)),
    }
    query = select(Credit.teacher_id, *(known.get(name, nothing).label(name) for name in FIGURES))
    query = query.where(Credit.completed_on.between(date(year, 1, 1), date(year, 12, 31)))
    return query.where(Credit.teacher_id.in_(select(Teacher.teacher_id).where(of(territory)))).group_by(
        Credit.teacher_id
    )
