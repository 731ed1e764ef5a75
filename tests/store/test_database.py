"""One at a time, in whichever process; and a database that is newer than the program."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from assistant.errors import SettingsError, Unavailable
from assistant.settings import Settings
from assistant.store.database import SCHEMA, Database
from assistant.store.tables import Unit

HELD = """
import sys
from assistant.store.database import Database

with Database(sys.argv[1]).alone("work"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["file", "server"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:///{tmp_path / 'xueshi.db'}"
    found: str = request.getfixturevalue("postgres_address")
    return found


@pytest.fixture
def holder(address: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that does the work and goes on until it is told or killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_until_the_first_has_ended(address: str, holder: subprocess.Popen[str]) -> None:
    database = Database(address)
    with pytest.raises(Unavailable, match="另一个进程") as told, database.alone("work"):
        pytest.fail("two at a time")
    assert len(str(told.value).splitlines()) == 1
    with database.alone("other work"), database.read() as connection:  # what is something else goes on
        assert connection.execute(select(Unit)).all() == []
    holder.communicate("end\n")
    with database.alone("work"):
        pass
    database.close()


def test_whoever_is_killed_lets_go(address: str, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    database = Database(address)
    with database.alone("work"):
        pass
    database.close()


def test_what_fails_meanwhile_is_told_as_it_is(address: str) -> None:
    database = Database(address)
    with pytest.raises(ZeroDivisionError), database.alone("work"):
        _ = 1 / 0
    with database.alone("work"):
        pass
    database.close()


def test_a_newer_database_is_refused_and_left_alone(address: str) -> None:
    database = Database(address)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match=f"XUESHI_DATABASE_URL.*{SCHEMA}") as told:
        Database(address)
    assert len(str(told.value).splitlines()) == 1
    with database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.close()


def test_policies_are_read_by_one_process_at_a_time(settings: Settings) -> None:
    from assistant.retrieval.index import open_stores
    from ingest.policies import READING, ingest_originals, ingest_policies

    database, index = open_stores(settings)
    original = settings.home / "通知.txt"
    original.write_text("关于教师培训的通知")
    with database.alone(READING):
        with pytest.raises(Unavailable, match="另一个进程正在读入政策"):
            ingest_policies(database, index, settings.corpora)
        with pytest.raises(Unavailable, match="另一个进程正在读入政策"):
            ingest_originals(database, index, settings.corpora, [original])
        assert {report.changed for report in ingest_policies(database, index, settings.corpora, dry_run=True)} == {
            False
        }
    assert {report.changed for report in ingest_policies(database, index, settings.corpora)} == {False}
    index.close()
    database.close()
