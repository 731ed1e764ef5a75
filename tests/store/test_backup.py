"""Backups: all is told after as before, on either kind of database; or nothing is written and one line says why."""

import json
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import typer
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, insert, text, update
from typer.testing import CliRunner

from api.app import create_app
from api.cli_backup import backup_command, restore_command
from api.tokens import Tokens
from assistant.bootstrap import install
from assistant.errors import InputError, Unavailable, XueshiError
from assistant.retrieval.index import open_stores
from assistant.settings import Settings
from assistant.store import backup, moving
from assistant.store.backup import back_up, restore
from assistant.store.database import Database
from assistant.store.moving import move
from assistant.store.tables import AccountRow, Credit, SessionRow
from ingest.policies import index_again
from tests.postgres import Server
from tests.store.contents import contents, opened, rows, tables

pytestmark = pytest.mark.sqlite("restores either kind into either: both databases are at hand on either run")
HOURS, COSTS = "我今年还差多少学时？", "培训费用谁出？"
KINDS = ["sqlite", "postgresql"]


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, lived_in: Settings, postgres: Server) -> Iterator[Settings]:
    """A home that was lived in, on either kind of database; somebody is signed in."""
    if request.param == "sqlite":
        given = lived_in
    else:
        name = postgres.create()
        move(lived_in.database, postgres.address(name))
        given = lived_in.model_copy(update={"database_url": postgres.address(name)})
    with opened(given.database, write=True) as connection:
        connection.execute(insert(SessionRow).values(hash="x" * 64, account="t0001", opened_at=1.0, seen_at=2.0))
    yield given
    if request.param != "sqlite":
        postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, lived_in: Settings, postgres_address: str, tmp_path: Path) -> Settings:
    """An empty home on either kind of database."""
    url = "" if request.param == "sqlite" else postgres_address
    return lived_in.model_copy(update={"home": tmp_path / "new" / "home", "database_url": url})


@pytest.fixture
def archive(lived_in: Settings, tmp_path: Path) -> Path:
    """A sound archive."""
    file = tmp_path / "sound.zip"
    back_up(lived_in.database, file)
    return file


def without(kept: dict[str, Any]) -> dict[str, Any]:
    """What is to arrive: everything but what is made anew, and which index has the policies' vectors."""
    left = {name: found for name, found in kept.items() if name not in backup._MADE_ANEW}
    return left | {"policies": [[value for value in row if value != row[-1]] for row in kept["policies"]]}


def told(settings: Settings) -> list[dict[str, Any]]:
    """Everything that two people may see of their own, and what they are told of one another."""
    given = settings.model_copy(update={"auth_secret": "a shared secret that is long enough for HS256"})
    with TestClient(create_app(given)) as web:
        seen = []
        for account in ("t0001", "t0002"):
            headers = {"Authorization": f"Bearer {Tokens(given).make(account, 10)}", "X-Request-ID": "0" * 32}

            def get(path: str, headers: dict[str, str] = headers) -> Any:
                found = web.get(path, headers=headers)
                return found.status_code, {name: one for name, one in found.json().items() if name != "request_id"}

            threads = [get(f"/v1/threads/{one['id']}") for one in get("/v1/threads")[1]["threads"]]
            answers = sorted(row[0] for row in contents(given.database)["turns"])
            receipts = {name: get(f"/v1/answers/{name}") for name in answers}
            found = [one["locator"] for one in get(f"/v1/search?q={COSTS}")[1]["results"]]
            seen.append({"me": get("/v1/me"), "threads": threads, "receipts": receipts, "found": found})
        return seen


def test_all_is_told_as_before_and_nothing_to_others(source: Settings, target: Settings, tmp_path: Path) -> None:
    before = contents(source.database)
    made = back_up(source.database, tmp_path / "b.zip")
    assert contents(source.database) == before
    assert restore(target.database, tmp_path / "b.zip") == made
    after = contents(target.database)
    assert without(after) == without(before)
    assert made.counts == {name: len(found) for name, found in without(before).items()}
    assert [after["sessions"], after["standings"]] == [[], []]

    database, index = open_stores(target)
    assert index_again(database, index) == len(before["policies"])
    index.close()
    database.close()
    first, second = seen = told(target)
    assert seen == told(source)
    own, other = ([status for status, _ in one["receipts"].values()] for one in seen)
    assert sorted(own) == sorted(other) == [200, 404, 404]  # one's own, the other's, one that was never given
    assert own != other
    assert first["me"][1]["calculation"]["remaining"] == "12"
    assert "T0002" not in str(first)
    assert "T0001" not in str(second)


def test_until_vectors_are_made_no_clause_is_guessed(archive: Path, target: Settings) -> None:
    restore(target.database, archive)
    made = install(target)
    try:
        account = made.assistant.account("t0001")
        refused, sure = made.assistant.ask(COSTS, account), made.assistant.ask(HOURS, account)
        assert (refused.outcome, refused.citations) == ("unavailable", [])
        assert "xueshi ingest policies" in refused.text
        assert sure.calculation is not None
        assert index_again(made.database, made.index) == 5
        assert made.assistant.ask(COSTS, account).outcome == "answered"
    finally:
        made.close()


def test_numbers_go_on(archive: Path, postgres_address: str) -> None:
    restore(postgres_address, archive)
    with opened(postgres_address, write=True) as connection:
        assert connection.scalar(text("INSERT INTO imports (made_at, files) VALUES (0, '[]') RETURNING id")) == 42


def test_it_shows_one_moment_while_others_write(
    source: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, other = contents(source.database), Database(source.database)

    def write(done: int, steps: int) -> None:
        with other.write() as connection:
            connection.execute(update(Credit).values(hours=Credit.hours + 100))
            connection.execute(insert(AccountRow).values(account=f"新{done}", role="teacher"))

    monkeypatch.setattr(moving, "BATCH", 1000)
    back_up(source.database, tmp_path / "b.zip", write)
    other.close()
    target = f"sqlite:///{tmp_path / 'new.db'}"
    restore(target, tmp_path / "b.zip")
    assert without(contents(target)) == without(before)
    assert without(contents(source.database)) != without(before)


def test_it_is_its_owner_s_alone(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_progress_runs_from_the_first_row_to_the_last(archive: Path, lived_in: Settings, tmp_path: Path) -> None:
    seen = list[tuple[int, int]]()
    made = back_up(lived_in.database, tmp_path / "b.zip", lambda *step: seen.append(step))
    assert seen[-1] == (sum(made.counts.values()),) * 2
    seen.clear()
    restore(f"sqlite:///{tmp_path / 'new.db'}", archive, lambda *step: seen.append(step))
    assert seen[-1] == (2 * sum(made.counts.values()),) * 2


# Refused.


def refused(error: type[XueshiError], *said: str) -> Any:
    return pytest.raises(error, match="".join(["^", *(rf"[^\n]*{words}" for words in said), r"[^\n]*$"]))


def test_an_earlier_backup_is_not_written_over(archive: Path, lived_in: Settings) -> None:
    before = archive.read_bytes()
    with refused(InputError, "sound.zip", "已经存在"):
        back_up(lived_in.database, archive)
    assert archive.read_bytes() == before


def test_nowhere_to_write(lived_in: Settings, tmp_path: Path) -> None:
    with refused(InputError, "none/b.zip", "没有留下文件"):
        back_up(lived_in.database, tmp_path / "none" / "b.zip")


def test_nothing_to_keep(tmp_path: Path) -> None:
    with refused(InputError, "是空的", "XUESHI_HOME"):
        back_up(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "b.zip")
    assert not list(tmp_path.glob("*b.zip*"))


def test_a_backup_that_is_interrupted_leaves_no_file(lived_in: Settings, tmp_path: Path) -> None:
    def interrupt(done: int, steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(lived_in.database, tmp_path / "b.zip", interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_what_a_killed_backup_left_goes_with_the_next(lived_in: Settings, tmp_path: Path) -> None:
    file, kill = tmp_path / "b[1].zip", "lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    script = (
        "import os, pathlib, signal, sys; from assistant.store.backup import back_up;"
        f"back_up(sys.argv[1], pathlib.Path(sys.argv[2]), {kill})"
    )
    killed = subprocess.run([sys.executable, "-c", script, lived_in.database, str(file)])
    assert killed.returncode == -signal.SIGKILL
    assert len([*tmp_path.glob(".b*")]) == 1
    (tmp_path / ".b[1].zip.original").touch()
    back_up(lived_in.database, file)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b[1].zip.original", "b[1].zip", "home"]


def test_a_backup_under_way_is_no_killed_one(lived_in: Settings, tmp_path: Path) -> None:
    file, others = tmp_path / "b.zip", list[backup.Manifest]()

    def another(done: int, steps: int) -> None:
        if not others:
            others.append(back_up(lived_in.database, file))

    made = back_up(lived_in.database, file, another)
    assert [made.tables] == [other.tables for other in others]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "home"]


def test_a_database_in_use_is_left_as_it_is(archive: Path, source: Settings) -> None:
    before = contents(source.database)
    with refused(InputError, "不是空的"):
        restore(source.database, archive)
    assert contents(source.database) == before


def resaved(archive: Path, **changed: bytes | None) -> Path:
    """The archive once more, with other contents in some of its parts, or without them."""
    file = archive.with_name("changed.zip")
    with ZipFile(archive) as old, ZipFile(file, "w") as new:
        for name in old.namelist():
            content = changed.get(name.partition(".")[0], old.read(name))
            if content is not None:
                new.writestr(name, content)
    return file


def manifest(archive: Path) -> dict[str, Any]:
    with ZipFile(archive) as opened:
        found: dict[str, Any] = json.loads(opened.read("manifest.json"))
        return found


def files_of(archive: Path) -> dict[str, bytes] | None:
    """The files of an archive; None: it can't be read."""
    try:
        with ZipFile(archive) as opened:
            return {name: opened.read(name) for name in opened.namelist()}
    except Exception:  # a damaged one may raise anything
        return None


def damaged(archive: Path) -> Iterator[Path]:
    """What an archive may have become, or be taken for."""
    whole, file = archive.read_bytes(), archive.with_name("damaged.zip")
    step = len(whole) // 8
    for place in range(step, len(whole), step):
        file.write_bytes(whole[:place])
        yield file
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        if files_of(file) != files_of(archive):  # a byte of the time that a zip notes, for one, changes nothing
            yield file
    for content in (b"", b"PK", b"teacher_id,name\n", whole[::-1]):
        file.write_bytes(content)
        yield file
    yield archive.parent  # a folder
    yield archive.with_name("none.zip")
    with ZipFile(archive) as opened:
        lines = opened.read("credits.jsonl")
    told = manifest(archive)
    del told["tables"]["turns"]
    for changed in (
        {"credits": lines.replace(b"\n", b"\n\n", 1)},
        {"credits": lines[: len(lines) // 2]},
        {"credits": lines.replace(b"1", b"2", 1)},
        {"credits": None},
        {"manifest": None},
        {"manifest": b"{}"},
        {"manifest": json.dumps(told).encode()},
    ):
        yield resaved(archive, **changed)


def test_what_is_damaged_or_foreign_is_told_and_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "x.db"
    for number, file in enumerate(damaged(archive)):
        with refused(InputError, file.name):
            restore(f"sqlite:///{new}", file)
        assert not new.exists(), number
    assert number > 20
    restore(f"sqlite:///{new}", archive)


def test_of_another_schema(archive: Path, target: Settings) -> None:
    told = manifest(archive) | {"schema_number": "0001"}
    with refused(InputError, "0001", "升级", "没有写入任何内容"):
        restore(target.database, resaved(archive, manifest=json.dumps(told).encode()))
    assert not any(target.home.glob("*"))


def forged(archive: Path, table: str, change: Callable[[list[list[Any]], list[str]], object]) -> Path:
    """The archive with other rows of a table and hashes to match; `change` is given the rows and the columns."""
    told = manifest(archive)
    kept = told["tables"][table]
    with ZipFile(archive) as opened:
        found = [json.loads(line) for line in opened.read(f"{table}.jsonl").splitlines()]
    change(found, kept["columns"])
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in found)
    kept |= {"rows": len(found), "sha256": backup.hashlib.sha256(lines).hexdigest()}
    return resaved(archive, **{table: lines, "manifest": json.dumps(told).encode()})


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("completed_on", "2023+11-15"),
        ("completed_on", 20231115),
        ("hours", "600"),
        ("hours", 6.5),
        ("hours", True),
        ("hours", [600]),
        ("hours", None),
        ("title", 7),
        ("teacher_id", "T9999"),
    ],
)
def test_rows_that_no_database_of_ours_held_are_taken_back(
    archive: Path, target: Settings, column: str, value: object
) -> None:
    def change(found: list[list[Any]], columns: list[str]) -> None:
        found[-1][columns.index(column)] = value

    with refused(InputError, "changed.zip", "已损坏", "没有写入任何内容"):
        restore(target.database, forged(archive, "credits", change))
    assert rows(target.database) == 0


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("credits", lambda found, _: found.append(found[0])),
        ("policies", lambda found, columns: found[0].__setitem__(columns.index("meta"), None)),
    ],
)
def test_rows_that_contradict_others_are_taken_back(
    archive: Path, target: Settings, table: str, change: Callable[[list[list[Any]], list[str]], object]
) -> None:
    with refused(InputError, "changed.zip", "已损坏", "没有写入任何内容"):
        restore(target.database, forged(archive, table, change))
    assert rows(target.database) == 0


def test_one_that_is_interrupted_leaves_no_row_and_can_be_repeated(archive: Path, target: Settings) -> None:
    def interrupt(done: int, steps: int) -> None:
        if done > steps // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(target.database, archive, interrupt)
    assert rows(target.database) == 0
    restore(target.database, archive)
    assert rows(target.database) > 2000


def test_nobody_there(archive: Path, lived_in: Settings, tmp_path: Path) -> None:
    address = f"postgresql+psycopg://xueshi:verysecret@/xueshi?host={tmp_path}"
    with refused(Unavailable, "连不上"):
        restore(address, archive)
    with refused(Unavailable, "数据库打不开"):
        back_up(address, tmp_path / "b.zip")


def test_other_tables_are_nobody_s_to_fill(archive: Path, postgres_address: str) -> None:
    with create_engine(postgres_address).begin() as connection:
        connection.execute(text("CREATE TABLE other_things (id INTEGER)"))
    with refused(InputError, "other_things"):
        restore(postgres_address, archive)
    assert tables(postgres_address) == ["other_things"]


# The commands.


def test_the_commands(made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(made_home, tmp_path / "old")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command("backup")(backup_command)
    app.command("restore")(restore_command)
    run = CliRunner().invoke
    done = run(app, ["backup", "b.zip"], env={"XUESHI_HOME": "old"})
    assert done.exit_code == 0, done.output
    assert "b.zip" in done.output
    done = run(app, ["restore", "b.zip"], env={"XUESHI_HOME": "new"})
    assert done.exit_code == 0, done.output
    assert "5 份政策" in done.output

    shutil.rmtree("new")
    broken = "chroma+http://127.0.0.1:9"
    done = run(app, ["restore", "b.zip"], env={"XUESHI_HOME": "new", "XUESHI_VECTOR_URL": broken})
    assert isinstance(done.exception, Unavailable)
    assert "记录已经恢复" in str(done.exception)
    assert "xueshi ingest policies" in str(done.exception)
    assert rows(f"sqlite:///{tmp_path / 'new' / 'xueshi.db'}") > 2000
