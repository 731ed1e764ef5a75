"""What PostgreSQL must hold as SQLite does by itself: one migration, one writer, one moment, byte order."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from itertools import product
from typing import get_args

import pytest
from sqlalchemy import create_engine, func, insert, select, text

from assistant.errors import Unavailable
from assistant.rules.schema import Category, Organiser, Status
from assistant.store import people
from assistant.store.database import SCHEMA, Database
from assistant.store.tables import Base, Credit, Teacher, Unit
from tests.postgres import Server

DIALECT = create_engine("postgresql+psycopg://").dialect
OPENED = """
import sys
import alembic.command
from assistant.store.database import Database

print("ready", flush=True)
sys.stdin.readline()
with Database(sys.argv[1]).read():
    print("opened")
"""


@pytest.fixture
def database(postgres_address: str) -> Iterator[Database]:
    database = Database(postgres_address)
    yield database
    database.close()


def units(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(Unit)) or 0


def test_processes_that_start_together_migrate_once(postgres_address: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPENED, postgres_address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for _ in range(6)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        assert process.communicate(timeout=60) == ("opened\n", "")
    with create_engine(postgres_address).connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [SCHEMA]


def test_what_a_writer_has_read_stays_true_until_it_has_written(database: Database) -> None:
    def add(_: int) -> None:
        with database.write() as connection:
            there = connection.scalar(select(func.count()).select_from(Unit))
            connection.execute(insert(Unit).values(unit=f"第{there}处", level="province"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    with database.read() as connection:
        assert set(people.all_units(connection)) == {f"第{number}处" for number in range(24)}


def test_of_an_account_s_own_rows_only_its_own_writers_wait(database: Database) -> None:
    """An import that takes its time holds up nobody's question."""

    def add(whose: str) -> None:
        with database.write(whose) as connection:
            there = connection.scalar(select(func.count()).where(Unit.unit.startswith(whose)).select_from(Unit))
            connection.execute(insert(Unit).values(unit=f"{whose}{there}", level="province"))

    with database.write(), database.write("甲") as one, ThreadPoolExecutor(8) as pool:
        one.execute(insert(Unit).values(unit="甲0", level="province"))
        waiting = [pool.submit(add, "甲") for _ in range(3)]
        list(pool.map(add, ["乙"] * 4))
        assert not any(future.done() for future in waiting)
        one.commit()
        wait(waiting)
    with database.read() as connection:
        names = {f"甲{number}" for number in range(4)} | {f"乙{number}" for number in range(4)}
        assert set(people.all_units(connection)) == names


def test_a_writer_that_waits_too_long_is_told_and_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.store.database._WAIT", 1)
    with database.write() as connection:
        connection.execute(insert(Unit).values(unit="甲省", level="province"))
        with pytest.raises(Unavailable), database.write():
            pytest.fail("two writers at a time")
    assert units(database) == 1


def test_a_reader_sees_one_moment_and_waits_for_nobody(database: Database) -> None:
    with database.read() as reader:
        before = people.all_units(reader)
        with database.write() as writer:
            writer.execute(insert(Unit).values(unit="甲省", level="province"))
        assert people.all_units(reader) == before == []
    assert units(database) == 1


def test_a_server_that_was_away_is_found_again(database: Database, postgres_address: str) -> None:
    assert units(database) == 0
    with create_engine(postgres_address).connect() as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ended = connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) {others}")).scalars().all()
    assert ended == [True]
    assert units(database) == 0


def test_columns_order_as_the_models_say(database: Database) -> None:
    """Also those that a migration changed: Alembic's comparison passes over collations."""
    query = text("SELECT table_name, column_name, collation_name FROM information_schema.columns")
    with database.read() as connection:
        made = {(table, column): collation for table, column, collation in connection.execute(query)}
    for table in Base.metadata.tables.values():
        for column in table.columns:
            meant = column.type.dialect_impl(DIALECT).__dict__.get("collation")
            assert made[table.name, column.name] == meant, f"{table.name}.{column.name}"


KINDS = [
    dict(zip(("status", "category", "organiser"), one, strict=True))
    for one in product(get_args(Status), get_args(Category), get_args(Organiser))
]


def keep(database: Database, kinds: Sequence[Mapping[str, str]]) -> None:
    """A teacher with a record of each of these kinds, numbered as they come."""
    day, school = date(2023, 5, 1), "某省/某市/甲校"
    of_all = {"teacher_id": "T1", "title": "研修", "hours": 100, "completed_on": day}
    with database.write() as connection:
        connection.execute(insert(Unit).values(unit=school, level="school"))
        teacher = {"teacher_id": "T1", "name": "某一", "stage": "小学", "subject": "语文", "employed_from": day}
        connection.execute(insert(Teacher).values(unit=school, **teacher))
        rows = [{"record_id": f"{number:02}", **of_all, **kind} for number, kind in enumerate(kinds)]
        connection.execute(insert(Credit), rows)


def test_every_kind_of_record_has_a_number_of_its_own(database: Database) -> None:
    """In the order of the vocabularies: by it a migration numbers them, and sums find them."""
    keep(database, KINDS)
    with database.read() as connection:
        numbers = connection.execute(text("SELECT kind FROM credits ORDER BY record_id")).scalars().all()
    assert numbers == list(range(len(KINDS)))


@pytest.mark.parametrize("column", ["status", "category", "organiser"])
def test_a_word_that_no_sum_would_find_is_refused(database: Database, column: str) -> None:
    with pytest.raises(Unavailable):
        keep(database, [{**KINDS[0], column: "不详"}])
    assert units(database) == 0


def test_a_database_that_is_not_there_is_told_in_a_line(postgres: Server) -> None:
    for address in (postgres.address("nowhere"), "postgresql+psycopg://postgres@/postgres?host=/nowhere"):
        with pytest.raises(Unavailable) as caught:
            Database(address)
        assert "XUESHI_DATABASE_URL" in str(caught.value)
        assert "\n" not in str(caught.value)
