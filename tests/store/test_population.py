"""Everyone's hours by SQL: equal, to the last hundredth, to what the calculator tells each teacher."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, true

from assistant.rules.calculate import Record, calculate
from assistant.rules.find import Applicable
from assistant.rules.schema import Category, Organiser, Version
from assistant.store.database import Connection, Database
from assistant.store.population import COVERAGE, FIGURES, STATE, standings, states, unruled, within
from assistant.store.tables import Credit, Teacher, Unit
from tests.rules.strategies import applied, records, versions

SCHOOLS = ["某省/某市/甲校", "某省/某市/乙校", "某省/某市甲/丙校"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path_factory.mktemp('population') / 'xueshi.db'}"
    else:
        server = request.getfixturevalue("postgres")
        address = server.address(server.create())
    made = Database(address)
    with made.write() as connection:
        connection.execute(insert(Unit), [{"unit": school, "level": "school"} for school in SCHOOLS])
        values = {"stage": "小学", "subject": "语文", "employed_from": date(2010, 8, 1)}
        people = [{"teacher_id": f"T{n}", "name": f"某{n}", "unit": one, **values} for n, one in enumerate(SCHOOLS)]
        connection.execute(insert(Teacher), people)
    yield made
    made.close()


def keep(connection: Connection, everyone: Sequence[Sequence[Record]]) -> None:
    connection.execute(delete(Credit))
    rows = [
        {**record._asdict(), "record_id": f"{n}-{record.record_id}", "teacher_id": f"T{n}"}
        for n, records in enumerate(everyone)
        for record in records
    ]
    if rows:
        connection.execute(insert(Credit), rows)


def by_calculator(one: Applicable, records: Sequence[Record]) -> tuple[int, ...]:
    verdict = calculate(one, records)
    short = {line.category: line.shortfall for line in verdict.categories}
    inside = sum(one.start <= record.completed_on <= one.end for record in records)
    gaps = [short.get(name, 0) for name in get_args(Category)]
    return inside, verdict.counted, verdict.remaining, verdict.pending, *gaps


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(version=versions(), everyone=st.tuples(records(), records(), records()))
def test_sql_and_the_calculator_agree(database: Database, version: Version, everyone: tuple[list[Record], ...]) -> None:
    one = applied(version)
    with database.write() as connection:
        keep(connection, everyone)
        found = {row[0]: tuple(row[1:]) for row in connection.execute(standings(connection.dialect.name, one))}
    assert found == {f"T{n}": by_calculator(one, records) for n, records in enumerate(everyone)}


def by_counting(records: Sequence[Record], year: int) -> tuple[int, ...]:
    """COVERAGE."""
    dated = [record for record in records if record.completed_on.year == year]
    approved = [record.organiser for record in dated if record.status == "已审核"]
    return len(dated), *(approved.count(organiser) for organiser in get_args(Organiser))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(version=versions(), everyone=st.tuples(records(), records(), records()), year=st.integers(2021, 2025))
def test_states_are_the_figures_and_what_the_calendar_year_s_coverage_counts(
    database: Database, version: Version, everyone: tuple[list[Record], ...], year: int
) -> None:
    one = applied(version)
    with database.write() as connection:
        keep(connection, everyone)
        ruled = connection.execute(states(connection.dialect.name, one, year, within("某省/某市"))).all()
        free = connection.execute(unruled(connection.dialect.name, year, true())).all()
    assert tuple(ruled[0]._fields) == tuple(free[0]._fields) == ("teacher_id", *STATE)
    found = {row[0]: tuple(row[1:]) for row in ruled}
    assert found == {f"T{n}": by_calculator(one, everyone[n]) + by_counting(everyone[n], year) for n in (0, 1)}
    for n, row in enumerate(sorted(free)):
        dated = [record for record in everyone[n] if record.completed_on.year == year]
        assert tuple(getattr(row, name) for name in COVERAGE) == by_counting(everyone[n], year)
        assert row.pending == sum(record.hours for record in dated if record.status == "待审核")
        assert (row.records, row.counted, row.remaining, row.short_public) == (len(dated), None, None, None)


def test_some_teachers_only(database: Database) -> None:
    """A name that another's begins with is no unit above it."""
    with database.read() as connection:
        one = applied(Version.model_validate(SIMPLE))
        found = connection.execute(standings(connection.dialect.name, one, within("某省/某市"))).all()
    assert sorted(row.teacher_id for row in found) == ["T0", "T1"]
    assert tuple(found[0]._fields) == ("teacher_id", *FIGURES)


SIMPLE = {
    "from": date(2020, 1, 1),
    "cycle": {"id": "P", "years": 1, "first": 2020, "clause": "一"},
    "admit": [{"id": "A", "status": ["已审核"], "clause": "一"}],
    "count": [{"id": "C", "clause": "一"}],
    "require": [{"id": "R", "at_least": 10, "clause": "一"}],
}


def test_sums_beyond_a_machine_word_of_32_bits(database: Database) -> None:
    one = applied(Version.model_validate(SIMPLE))
    many = [Record(f"R{n}", "培训", "公需科目", "省级", 99_999_999, date(2023, 5, 1), "已审核") for n in range(60)]
    with database.write() as connection:
        keep(connection, [many, [], []])
        rows = {row.teacher_id: row for row in connection.execute(standings(connection.dialect.name, one))}
    assert rows["T0"].counted == 60 * 99_999_999 > 2**32
    assert (rows["T1"].records, rows["T1"].remaining) == (0, 1000)
