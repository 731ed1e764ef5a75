"""Moving a database: all of it arrives and serves as before, or nothing does and one line says why."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Connection, create_engine, func, insert, make_url, select, text, update
from typer.testing import CliRunner

from api.cli_move import move_command
from assistant.bootstrap import install
from assistant.errors import InputError, Unavailable
from assistant.settings import Settings
from assistant.store import moving
from assistant.store.database import Database
from assistant.store.moving import move
from assistant.store.tables import AccountRow, Credit, Import
from tests.store.contents import contents, opened, rows, tables

pytestmark = pytest.mark.sqlite("moves out of SQLite and back: both databases are at hand on either run")
HOURS = "我今年还差多少学时？"


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The address of a SQLite database that holds one account and nothing else."""
    address = f"sqlite:///{tmp_path / 'small.db'}"
    with opened(address, write=True) as connection:
        connection.execute(insert(AccountRow).values(account="甲", role="teacher"))
    return address


def test_all_arrives_and_the_present_database_stays(lived_in: Settings, postgres_address: str) -> None:
    before = contents(lived_in.database)
    counts = move(lived_in.database, postgres_address)
    assert contents(postgres_address) == contents(lived_in.database) == before
    assert counts == {name: len(kept) for name, kept in before.items()}
    assert counts["turns"] == 3
    assert counts["credits"] > 2000


def test_people_are_told_the_same_and_nothing_of_one_another(lived_in: Settings, postgres_address: str) -> None:
    def told(settings: Settings) -> list[dict[str, Any]]:
        made = install(settings)
        assistant = made.assistant
        questions = [("t0001", HOURS), ("t0002", HOURS), ("t0001", "莫国栋今年还差多少学时？")]
        answers = [assistant.ask(said, assistant.account(who)).model_dump(mode="json") for who, said in questions]
        made.close()
        return [{**answer, "id": "", "thread_id": ""} for answer in answers]

    move(lived_in.database, postgres_address)
    first, second, refused = told(lived_in.model_copy(update={"database_url": postgres_address}))
    assert [first, second, refused] == told(lived_in)
    assert (first["calculation"]["teacher_id"], second["calculation"]["teacher_id"]) == ("T0001", "T0002")
    assert "T0002" not in str(first)
    assert "T0001" not in str(second)
    assert refused["outcome"] == "not_permitted"


def test_numbers_go_on_and_what_is_missing_stays_missing(lived_in: Settings, postgres_address: str) -> None:
    move(lived_in.database, postgres_address)
    with opened(postgres_address, write=True) as connection:
        made = connection.execute(insert(Import).values(made_at=0, files=[]))
        assert made.inserted_primary_key == (42,)
        assert connection.scalars(text("SELECT id FROM turns WHERE answer IS NULL")).all() == ["a-open"]


def test_there_and_back(lived_in: Settings, postgres_address: str, tmp_path: Path) -> None:
    back = f"sqlite:///{tmp_path / 'new' / 'back.db'}"
    move(lived_in.database, postgres_address)
    move(postgres_address, back)
    assert contents(back) == contents(lived_in.database)


def test_progress_runs_from_the_first_row_to_the_last(
    lived_in: Settings, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "BATCH", 7)
    seen: list[tuple[int, int]] = []
    counts = move(lived_in.database, postgres_address, lambda done, steps: seen.append((done, steps)))
    steps = 2 * sum(counts.values())
    assert {of for _, of in seen} == {steps}
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (steps, steps)
    assert contents(postgres_address) == contents(lived_in.database)


# Refused.


def fill(address: str) -> None:
    with opened(address, write=True) as connection:
        connection.execute(insert(AccountRow).values(account="乙", role="teacher"))


def occupy(address: str) -> None:
    with create_engine(address).begin() as connection:
        connection.execute(text("CREATE TABLE other_things (id INTEGER)"))


@pytest.mark.parametrize(("prepare", "named"), [(fill, "accounts"), (occupy, "other_things")])
def test_a_database_in_use_is_left_as_it_is(
    prepare: Callable[[str], None], named: str, small: str, postgres_address: str
) -> None:
    prepare(postgres_address)
    there = tables(postgres_address)
    refused(small, postgres_address, InputError, "不是空的", named)
    assert tables(postgres_address) == there
    if prepare is fill:
        assert [row[0] for row in contents(postgres_address)["accounts"]] == ["乙"]


def test_tables_without_rows_are_no_hindrance(small: str, postgres_address: str) -> None:
    Database(postgres_address).close()
    assert move(small, postgres_address)["accounts"] == 1


def refused(present: str, address: str, error: type[Exception], *said: str) -> None:
    with pytest.raises(error) as caught:
        move(present, address)
    told = str(caught.value)
    assert "\n" not in told
    assert "SELECT" not in told
    for words in said:
        assert words in told


def test_the_present_database_is_no_target(small: str, tmp_path: Path) -> None:
    for spelling in (small, f"sqlite:///{tmp_path}/../{tmp_path.name}/small.db", small.replace(":", "+pysqlite:", 1)):
        refused(small, spelling, InputError, "就是现在用的数据库")
    assert rows(small) == 1


@pytest.mark.parametrize(
    "address",
    ["nonsense", "", "nowhere://host/name", "postgresql+psycopg://host", "sqlite://", "mysql+mysqldb://host/name"],
)
def test_no_address(address: str, small: str) -> None:
    refused(small, address, InputError, "目标地址有误", "postgresql+psycopg://")


def test_nobody_there(small: str, tmp_path: Path) -> None:
    address = f"postgresql+psycopg://xueshi:verysecret@/xueshi?host={tmp_path}"
    refused(small, address, Unavailable, "连不上")
    with pytest.raises(Unavailable) as caught:
        move(small, address)
    assert "verysecret" not in str(caught.value)


def test_nothing_to_move(tmp_path: Path, postgres_address: str) -> None:
    refused(f"sqlite:///{tmp_path / 'none.db'}", postgres_address, InputError, "没有可迁移的", "XUESHI_HOME")
    assert tables(postgres_address) == []


# Nothing half-written.


@pytest.mark.parametrize("values", [{"title": "课\0程"}, {"hours": 2**40}, {"status": "审" * 21}])
def test_a_row_that_doesn_t_fit_is_named(values: dict[str, Any], lived_in: Settings, postgres_address: str) -> None:
    with opened(lived_in.database, write=True) as connection:
        key = connection.scalars(select(func.max(Credit.record_id))).one()
        connection.execute(update(Credit).where(Credit.record_id == key).values(**values))
    refused(lived_in.database, postgres_address, InputError, "credits", repr(key))
    assert rows(postgres_address) == 0


def test_what_arrives_otherwise_is_taken_back(
    lived_in: Settings, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = moving._insert

    def careless(connection: Connection, table: Any, batch: Any) -> None:
        plain(connection, table, batch)
        if table.name == "credits":
            connection.execute(update(Credit).where(Credit.record_id == batch[0]["record_id"]).values(hours=1))

    monkeypatch.setattr(moving, "_insert", careless)
    refused(lived_in.database, postgres_address, Unavailable, "credits", "撤回")
    assert rows(postgres_address) == 0


def test_one_that_is_interrupted_leaves_no_row_and_can_be_repeated(lived_in: Settings, postgres_address: str) -> None:
    def interrupt(done: int, steps: int) -> None:
        if done > steps // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(lived_in.database, postgres_address, interrupt)
    assert rows(postgres_address) == 0
    move(lived_in.database, postgres_address)
    assert contents(postgres_address) == contents(lived_in.database)


# The command.


def test_the_command_tells_what_to_set_and_hides_the_password(
    made_home: Path, postgres_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(made_home, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command("move")(move_command)
    address = postgres_address.replace("postgres@", "postgres:very%20secret@")
    done = CliRunner().invoke(app, [address], env={"XUESHI_HOME": str(home)})
    assert done.exit_code == 0, done.output
    assert f"\nXUESHI_DATABASE_URL={make_url(address)}\n" in done.output
    assert "postgres:***@" in done.output
    assert "very" not in done.output
    assert "向量库" in done.output
    assert rows(postgres_address) == rows(f"sqlite:///{home / 'xueshi.db'}") > 2000


def test_a_password_is_hidden_wherever_it_stands() -> None:
    for address in ("postgresql+psycopg://a:b%40c@host/db?x=y", "postgresql+psycopg://a@host/db?password=b%40c&x=y"):
        shown = moving.hidden(address)
        assert "b%40c" not in shown
        assert "b@c" not in shown
        assert "x=y" in shown
