"""Stored standings: what dashboards read, so that they don't compute a whole town's hours at every look.

A standing is good for the stamp that it was computed under: rules, policy files and period. Whatever changes a teacher
or a record renews the teacher's standings in the same transaction, so that none is ever wrong; what isn't there is
computed.
"""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, and_, delete, func, insert, literal, or_, select

from assistant.rules.find import Applicable, RuleSet, find
from assistant.store.database import Database
from assistant.store.population import STATE, Condition, states
from assistant.store.tables import Standing, Teacher

_AT_ONCE = 5000  # teachers, in one transaction
_IN_A_QUERY = 500  # of them by name
_COLUMNS = ["teacher_id", "year", "stamp", *STATE]


def good(applied: Applicable, year: int) -> Condition:
    """Which standing is a teacher's, and good now."""
    return and_(Standing.teacher_id == Teacher.teacher_id, Standing.year == year, Standing.stamp == applied.stamp)


def fill(database: Database, applied: Applicable, year: int, teachers: Condition) -> int:
    """Compute and store what is missing of some teachers, a few thousand in a transaction; how many."""
    lacking = ~select(Standing.teacher_id).where(good(applied, year)).exists()
    with database.read() as connection:
        query = select(Teacher.teacher_id).where(teachers, lacking).order_by(Teacher.teacher_id)
        ids = connection.execute(query).scalars().all()
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        with database.write() as connection:
            _store(connection, applied, year, and_(teachers, Teacher.teacher_id.between(some[0], some[-1])))
    return len(ids)


def refresh(connection: Connection, rule_sets: Iterable[RuleSet], teacher_ids: Iterable[str]) -> None:
    """After a change of teachers or their records: what was stored of them is computed anew, for the same years.

    Of very many only deleted: who looks at them next computes them.
    """
    known, ids = list(rule_sets), sorted(teacher_ids)
    years = set[int]()
    for some in _chunks(ids):
        query = select(Standing.year).where(Standing.teacher_id.in_(some)).distinct()
        years.update(connection.execute(query).scalars())
        connection.execute(delete(Standing).where(Standing.teacher_id.in_(some)))
    if len(ids) > _AT_ONCE:
        return
    for some in _chunks(ids):
        mine = Teacher.teacher_id.in_(some)
        for school in connection.execute(select(Teacher.unit).where(mine).distinct()).scalars().all():
            for year in years:
                if applied := find(known, school, year):
                    _store(connection, applied, year, and_(mine, Teacher.unit == school))


def count(connection: Connection, applied: Applicable, year: int, teachers: Condition) -> int:
    """How many of the teachers have a standing that is good now."""
    query = select(func.count()).select_from(Teacher).join(Standing, good(applied, year)).where(teachers)
    return connection.execute(query).scalar_one()


def differing(connection: Connection, applied: Applicable, year: int, teachers: Condition) -> list[str]:
    """The teachers whose stored standing isn't what their records make now: none, or something is broken."""
    fresh = states(connection.dialect.name, applied, year, teachers).subquery("fresh")
    query = select(Teacher.teacher_id).join(Standing, good(applied, year))
    query = query.join(fresh, fresh.c.teacher_id == Teacher.teacher_id)
    other = or_(*(getattr(Standing, name) != fresh.c[name] for name in STATE))
    return list(connection.execute(query.where(other).order_by(Teacher.teacher_id)).scalars())


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _IN_A_QUERY] for start in range(0, len(ids), _IN_A_QUERY))


def _store(connection: Connection, applied: Applicable, year: int, teachers: Condition) -> None:
    whose = select(Teacher.teacher_id).where(teachers)
    connection.execute(delete(Standing).where(Standing.year == year, Standing.teacher_id.in_(whose)))
    fresh = states(connection.dialect.name, applied, year, teachers).subquery("fresh")
    values = select(fresh.c.teacher_id, literal(year), literal(applied.stamp), *(fresh.c[name] for name in STATE))
    connection.execute(insert(Standing).from_select(_COLUMNS, values))
