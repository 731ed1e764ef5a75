"""Everyone's hours in one statement: the rules of `assistant.rules.calculate`, compiled to SQL.

The same definition read a second way: which line takes a record, what a cap cuts off, what is short and what remains.
Whole hundredths throughout. Tests hold both readings equal on random rules and records.

PostgreSQL compares texts slowly where millions of records are summed, so that it keeps each one's status, category and
organiser as one number, too: `credits.kind`, which only the database writes (migration 0007) and the models don't know.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from itertools import groupby, product
from operator import add
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SmallInteger,
    and_,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from assistant.rules.calculate import PENDING
from assistant.rules.find import Applicable, Territory
from assistant.rules.schema import Category, Organiser, Status, Version
from assistant.store.tables import Credit, Teacher

CATEGORIES: tuple[Category, ...] = get_args(Category)
_STATUSES: tuple[Status, ...] = get_args(Status)
_ORGANISERS: tuple[Organiser, ...] = get_args(Organiser)
_APPROVED: Status = "已审核"
# The columns of a standing, in the order of `standings`; one for each category's shortfall.
_NAMES = dict(zip(CATEGORIES, ("public", "subject", "elective"), strict=True))
SHORT = {category: f"short_{name}" for category, name in _NAMES.items()}
FIGURES = ("records", "counted", "remaining", "pending", *SHORT.values())
# What rules on coverage count: records dated in the calendar year, whatever their status; the approved ones of them, by
# organiser.
BY = dict(zip(_ORGANISERS, ("by_nation", "by_province", "by_city", "by_office", "by_town", "by_school"), strict=True))
COVERAGE = ("in_year", *BY.values())
STATE = (*FIGURES, *COVERAGE)

_KIND = literal_column("credits.kind", SmallInteger)
_KINDS: dict[tuple[str, ...], int] = {
    one: number for number, one in enumerate(product(_STATUSES, CATEGORIES, _ORGANISERS))
}

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


def standings(dialect: str, applied: Applicable, teachers: Condition | None = None) -> Select[Any]:
    """A row for each of the teachers (None: all): teacher_id and FIGURES.

    `dialect`: the database, in SQLAlchemy's words; the statement is what it does best.

    `records` counts those dated in the period, whatever their status.
    """
    version, sums = applied.version, _sums(dialect, applied, teachers).subquery("sums")
    minima = {name: line.at_least for name, line in version.minima.items()}
    required = version.total.at_least if version.total else sum(minima.values())

    counted = [_counted(version, category, sums).label(name) for category, name in _NAMES.items()]
    have = select(sums.c.teacher_id, sums.c.records, sums.c.pending, *counted).subquery("have")

    short = [_Larger(minima.get(one, 0) - have.c[name], 0).label(SHORT[one]) for one, name in _NAMES.items()]
    total = _sum([have.c[name] for name in _NAMES.values()]).label("counted")
    gaps = select(have.c.teacher_id, have.c.records, have.c.pending, total, *short).subquery("gaps")

    remaining = _Larger(required - gaps.c.counted, _sum([gaps.c[column] for column in SHORT.values()]))
    columns = {"remaining": remaining.label("remaining"), **{one: gaps.c[one] for one in FIGURES if one != "remaining"}}
    return select(gaps.c.teacher_id, *(columns[name] for name in FIGURES))


def states(dialect: str, applied: Applicable, year: int, teachers: Condition) -> Select[Any]:
    """A row for each of the teachers: teacher_id and STATE."""
    hours = standings(dialect, applied, teachers).subquery("hours")
    reach = _by_teacher(dialect, teachers, *_days(year), _coverage(dialect)).subquery("reach")
    columns = (*(hours.c[name] for name in FIGURES), *(reach.c[name] for name in COVERAGE))
    return select(hours.c.teacher_id, *columns).join(reach, reach.c.teacher_id == hours.c.teacher_id)


def unruled(dialect: str, year: int, teachers: Condition) -> Select[Any]:
    """The same where no rule holds: of FIGURES, the records and pending hours of the year, the others NULL."""
    pending = func.sum(Credit.hours).filter(_are(dialect, [PENDING], CATEGORIES, _ORGANISERS))
    counts = {**_coverage(dialect), "records": func.count(Credit.teacher_id), "pending": pending}
    known = _by_teacher(dialect, teachers, *_days(year), counts).subquery("known")
    nothing = cast(null(), BigInteger)  # PostgreSQL sums no NULL of an unknown type
    return select(known.c.teacher_id, *(known.c.get(name, nothing).label(name) for name in STATE))


def _coverage(dialect: str) -> dict[str, ColumnElement[Any]]:
    one = func.count(Credit.teacher_id)
    by = {name: one.filter(_are(dialect, [_APPROVED], CATEGORIES, [organiser])) for organiser, name in BY.items()}
    return {"in_year": one, **by}


def _days(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


def _sums(dialect: str, applied: Applicable, teachers: Condition | None) -> Select[Any]:
    """Each teacher's records, pending hours, and hours by category and by capped line."""
    version = applied.version
    wanted = {"pending": _are(dialect, {PENDING} - version.admitted, CATEGORIES, _ORGANISERS)}
    for category, name in _NAMES.items():
        takers = _takers(version, category)
        sources = {name: [one for some in takers.values() for one in some]}
        sources |= {f"line_{place}": takers[place] for place in takers if version.count[place].at_most is not None}
        for source, organisers in sources.items():
            wanted[source] = _are(dialect, version.admitted, [category], organisers)
    sums = {name: func.sum(Credit.hours).filter(meant) for name, meant in wanted.items()}
    counts = {"records": func.count(Credit.teacher_id), **sums}
    return _by_teacher(dialect, teachers, applied.start, applied.end, counts)


def _by_teacher(
    dialect: str, teachers: Condition | None, start: date, end: date, sums: Mapping[str, ColumnElement[Any]]
) -> Select[Any]:
    """A row for each of the teachers: what their records of some days add up to, 0 where there are none."""
    only = [] if teachers is None else [teachers]
    dated = Credit.completed_on.between(start, end)
    if _has_kinds(dialect):
        # Records are summed before they meet their teachers: joined one by one, they take about twice as long.
        had = select(Credit.teacher_id, *(one.label(name) for name, one in sums.items())).where(dated)
        had = had.where(*(Credit.teacher_id.in_(select(Teacher.teacher_id).where(one)) for one in only))
        found = had.group_by(Credit.teacher_id).subquery("had")
        columns: list[Any] = [func.coalesce(found.c[name], 0).label(name) for name in sums]
        query = select(Teacher.teacher_id, *columns).outerjoin(found, found.c.teacher_id == Teacher.teacher_id)
        return query.where(*only)
    # Teachers lead: an index gives the records of each without their table, in the order in which they are summed.
    columns = [func.coalesce(one, 0).label(name) for name, one in sums.items()]
    mine = and_(Credit.teacher_id == Teacher.teacher_id, dated)
    return select(Teacher.teacher_id, *columns).outerjoin(Credit, mine).where(*only).group_by(Teacher.teacher_id)


def _takers(version: Version, category: Category) -> dict[int, list[Organiser]]:
    """The organisers whose records of a category count, by the place of the line that takes them."""
    organisers: dict[int, list[Organiser]] = defaultdict(list)
    for organiser in _ORGANISERS:
        place = version.places[category, organiser]
        if place < len(version.count):
            organisers[place].append(organiser)
    return organisers


def _counted(version: Version, category: Category, sums: Any) -> Any:
    """What counts in a category: all that a line takes, less what is above a line's cap."""
    counted = sums.c[_NAMES[category]]
    for place in _takers(version, category):
        if (cap := version.count[place].at_most) is not None:
            counted = counted - _Larger(sums.c[f"line_{place}"] - cap, 0)
    return counted


def _has_kinds(dialect: str) -> bool:
    return dialect == "postgresql"


def _are(
    dialect: str, statuses: Collection[str], categories: Collection[str], organisers: Collection[str]
) -> Condition:
    """Whether a record's status, category and organiser are among these, said as shortly as can be."""
    if _has_kinds(dialect):
        numbers = sorted(_KINDS[one] for one in product(statuses, categories, organisers))
        return or_(false(), *(_KIND.between(first, last) for first, last in _runs(numbers)))
    # Databases ask in this order, of every record: first what most records fail.
    return and_(
        _among(Credit.organiser, organisers, _ORGANISERS),
        _among(Credit.category, categories, CATEGORIES),
        _among(Credit.status, statuses, _STATUSES),
    )


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each run of consecutive numbers, given in order."""
    for _, run in groupby(enumerate(numbers), lambda placed: placed[1] - placed[0]):
        stretch = [number for _, number in run]
        yield stretch[0], stretch[-1]


def _among(column: Any, words: Collection[str], vocabulary: Sequence[str]) -> Condition:
    """Whether a column's word is one of these."""
    meant, others = [one for one in vocabulary if one in words], [one for one in vocabulary if one not in words]
    if not (meant and others):
        return true() if meant else false()
    said: Condition = column.in_(meant) if len(meant) <= len(others) else column.not_in(others)
    return said


class _Larger(FunctionElement[int]):
    """The larger of two numbers, each of them reckoned once."""

    inherit_cache = True
    type = BigInteger()


@compiles(_Larger)
def _greatest(larger: _Larger, compiler: SQLCompiler, **options: Any) -> str:
    return f"greatest({compiler.process(larger.clauses, **options)})"


@compiles(_Larger, "sqlite")
def _max(larger: _Larger, compiler: SQLCompiler, **options: Any) -> str:
    return f"max({compiler.process(larger.clauses, **options)})"


def _sum(parts: Sequence[Any]) -> Any:
    return reduce(add, parts) if parts else literal(0)
