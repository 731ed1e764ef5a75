"""A full disk: an import or an ingest changes nothing and says so in one line, and works once there is space again."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from assistant.bootstrap import install
from assistant.errors import Unavailable
from assistant.settings import Settings
from assistant.store.database import Database
from evals.bench.home import environment
from ingest.records import load_records
from tests.conftest import TODAY, settings_at
from tests.store.contents import contents

XUESHI = Path(sys.executable).with_name("xueshi")
ROWS = 20_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Records that need some megabytes, of two people."""
    lines = [f"D{n},T000{n % 2 + 1},第{n}次{'甲' * 40},专业科目,市级,1,2022-05-01,已审核," for n in range(ROWS)]
    head = "record_id,teacher_id,title,category,organiser,hours,completed_on,status,reason"
    (tmp_path / "many.csv").write_text("\n".join([head, *lines, ""]))
    return tmp_path / "many.csv"


@contextmanager
def full_database(database: Database) -> Iterator[None]:
    """The database has room for little more: SQLite by its own limit, PostgreSQL by the error that it would give."""

    def limit(connection: Any, _: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 50}")

    with database.read() as connection:
        sqlite = connection.dialect.name == "sqlite"
    database.close()
    if sqlite:
        event.listen(Engine, "connect", limit)
        try:
            yield
        finally:
            event.remove(Engine, "connect", limit)
            database.close()
        return
    body = "BEGIN IF NEW.record_id = 'D15000' THEN RAISE EXCEPTION USING ERRCODE = '53100'; END IF; RETURN NEW; END"
    with database.write() as connection:
        connection.execute(text(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"))
        connection.execute(
            text("CREATE TRIGGER full_disk BEFORE INSERT ON credits FOR EACH ROW EXECUTE FUNCTION full_disk()")
        )
    yield
    with database.write() as connection:
        connection.execute(text("DROP FUNCTION full_disk CASCADE"))


def test_an_import_is_wholly_there_or_not_at_all(settings: Settings, file: Path) -> None:
    before = contents(settings.database)
    with closing(Database(settings.database)) as database:
        with full_database(database), pytest.raises(Unavailable, match=r"^磁盘满了[^\n]*没有任何改动[^\n]*$"):
            load_records(database, [file], TODAY)
        assert contents(settings.database) == before
        assert load_records(database, [file], TODAY).files[0].added == ROWS
        assert load_records(database, [file], TODAY).files[0].unchanged == ROWS


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB of this test's own, where the machine lets one be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine lets nobody make a disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def run(home: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """`xueshi` on a home, its temporary files on the same disk."""
    env = environment(home, TMPDIR=str(home.parent))
    return subprocess.run([XUESHI, *command], env=env, capture_output=True, encoding="utf-8", timeout=300)


def fill(disk: Path, left: int) -> Path:
    """Leave so many bytes of a disk free."""
    taken = disk / "taken"
    taken.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - left)))
    return taken


@pytest.mark.sqlite("what fills up is the disk of the home")
@pytest.mark.parametrize("left", [0, 60_000, 600_000])
@pytest.mark.parametrize("command", ["records", "policies"])
def test_a_disk_that_is_full(command: str, left: int, made_home: Path, disk: Path, file: Path, tmp_path: Path) -> None:
    home = disk / "home"
    if command == "records":
        shutil.copytree(made_home, home)
    paths = [file] if command == "records" else []
    taken = fill(disk, left)
    done = run(home, "ingest", command, *paths)
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "内部错误" not in done.stderr
    taken.unlink()
    if command == "records":
        assert contents(settings_at(home).database) == contents(settings_at(made_home).database)
    done = run(home, "ingest", command, *paths)
    assert (done.returncode, done.stderr) == (0, "")
    if command == "policies":
        made = install(settings_at(home))
        keys: Callable[..., Any] = made.index.nearest
        assert keys("学时", None, 5)
        made.close()


@pytest.mark.sqlite("what fills up is the disk of the backup")
def test_a_backup_onto_a_full_disk_leaves_no_file(made_home: Path, disk: Path, tmp_path: Path) -> None:
    home, file = shutil.copytree(made_home, tmp_path / "home"), disk / "b.zip"
    taken = fill(disk, 20_000)
    done = run(home, "backup", file)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert str(file) in done.stderr
    assert [path.name for path in disk.iterdir()] == ["taken"]
    taken.unlink()
    assert run(home, "backup", file).returncode == 0
