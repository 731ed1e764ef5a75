"""Connections: one engine, reads that see one moment, writes that happen wholly or not at all."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from zlib import crc32

from filelock import FileLock, Timeout
from sqlalchemy import Connection as Connection
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from assistant.errors import SettingsError, Unavailable, trace

SCHEMA = "0014"  # the newest migration; a test holds it to the folder's
_LOG = logging.getLogger(__name__)
_WAIT, _WAIT_FOR_MIGRATION = 10, 3600  # seconds: for the other writer, or the other start, to end
_WRITER = 0x58756573  # names the one writer's lock among a PostgreSQL database's advisory locks
_UNCHANGED = "本次操作没有任何改动，请稍后再试。"
_MIGRATIONS = Path(__file__).parent / "migrations"


class _Busy(Exception):
    """Another process holds a lock."""


class Database:
    """An installation's database. Opening it brings the schema up to date."""

    def __init__(self, address: str) -> None:
        """`address`: any SQLAlchemy URL.

        SettingsError: it makes no sense, or a newer program has changed the schema. Unavailable: nobody answers.
        """
        try:
            url = make_url(address)
            if url.get_backend_name() == "sqlite" and url.database:
                Path(url.database).parent.mkdir(0o700, parents=True, exist_ok=True)  # nobody else's to read
            self._engine = create_engine(url, connect_args=patience(url), pool_pre_ping=not _is_sqlite(url))
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError):
            raise SettingsError("设置 XUESHI_DATABASE_URL 有误：不是 SQLAlchemy 地址，或没有安装它的驱动。") from None
        except OSError as error:
            raise SettingsError(f"设置 XUESHI_HOME 有误：目录无法建立（{error.strerror}）。") from None
        self._one_writer, self._writing = _is_sqlite(url), Lock()
        # SQLite's transactions see one moment by themselves; elsewhere each statement would see its own.
        self._moment = {} if _is_sqlite(url) else {"isolation_level": "REPEATABLE READ"}
        if _is_sqlite(url):
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        elif url.get_backend_name() == "postgresql":
            event.listen(self._engine, "connect", _prepare_postgresql)
            event.listen(self._engine, "begin", _begin_postgresql)
        try:
            # SQLite can't be switched to its write-ahead log while others look: who opens it, opens it alone.
            with FileLock(f"{url.database}.opening") if _is_sqlite(url) and url.database else _nothing():
                if self._schema() != SCHEMA:
                    self._migrate()
        except (SQLAlchemyError, OSError) as error:
            _LOG.error("opening failed: %s", trace(error))
            raise Unavailable(
                "数据库打不开：请核对 XUESHI_DATABASE_URL、XUESHI_HOME 及其读写权限；若文件已损坏，请从备份恢复。"
            ) from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment. Unavailable when the database fails."""
        try:
            with self._engine.connect().execution_options(**self._moment) as connection:
                yield connection
        except SQLAlchemyError as error:
            _LOG.error("reading failed: %s", trace(error))
            raise Unavailable("数据库暂时无法读取，请稍后再试。") from None

    @contextmanager
    def write(self, whose: str | None = None, lasting: bool = True) -> Iterator[Connection]:
        """A transaction: all of it is kept, or none; one at a time. Unavailable when the database fails.

        `whose`: the account that the rows belong to. They are its alone, so that where the database can (PostgreSQL)
        only the account's own transactions wait for one another: a long import holds up nobody's question. `lasting`
        False: it needn't be on the disk yet when the block is left, since nobody has been told that it is; it will be
        with the next that is, and only a machine that stops in between forgets it.
        """
        options = {"xueshi_write": _WAIT, "xueshi_whose": whose, "xueshi_lasting": lasting}
        try:
            with self._turn(), self._engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            _LOG.error("writing failed: %s", trace(error))
            why = "磁盘满了，数据库写不进去" if _is_full(error) else "数据库暂时无法写入"
            raise Unavailable(f"{why}，{_UNCHANGED}") from None

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:
        """Nobody else, in whichever process or on whichever machine, does this work meanwhile.

        `work`: what it is, in Chinese. Unavailable: somebody does, or the database fails.
        """
        url = self._engine.url
        try:
            if url.get_backend_name() == "postgresql":
                with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.detach()  # closed, not kept for others: the lock goes with it, however the work ends
                    lock = text("SELECT pg_try_advisory_lock(:ours, hashtext(:work))")
                    if not connection.scalar(lock, {"ours": _WRITER, "work": work}):
                        raise _Busy
                    yield
            elif _is_sqlite(url) and url.database:
                with FileLock(f"{url.database}.{crc32(work.encode()):08x}.lock", timeout=0):
                    yield
            else:
                yield
        except (_Busy, Timeout):
            raise Unavailable(f"另一个进程正在{work}，请等它结束后再试。没有任何改动。") from None
        except SQLAlchemyError as error:
            _LOG.error("locking failed: %s", trace(error))
            raise Unavailable("数据库暂时无法读取，请稍后再试。") from None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Where there is one writer at a time (SQLite), this process sends but one to wait for those of others.

        SQLite has no queue: whoever waits there looks now and then, and of many some would never find it free.
        """
        if not self._one_writer:
            yield
        elif self._writing.acquire(timeout=_WAIT):
            try:
                yield
            finally:
                self._writing.release()
        else:
            _LOG.error("writing failed: another writer of this process takes too long")
            raise Unavailable(f"数据库暂时无法写入，{_UNCHANGED}")

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    def _schema(self) -> str | None:
        with self._engine.connect() as connection:
            if not self._engine.dialect.has_table(connection, "alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def _migrate(self) -> None:
        # Imported here: a start that finds the schema up to date has no use for it.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        # Of several first starts one migrates, however long; the others then find it done.
        with self._engine.connect().execution_options(xueshi_write=_WAIT_FOR_MIGRATION) as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:  # its revision is none of ours
                raise SettingsError(
                    f"设置 XUESHI_DATABASE_URL 所指的数据库是更新版本的学时通用过的（本程序的表结构到 {SCHEMA} 为止）："
                    "请升级本程序，或换一个数据库。没有任何改动。"
                ) from None


def patience(url: URL) -> dict[str, Any]:
    """How long a connection's driver waits for others, in its own words."""
    if _is_sqlite(url):
        return {"timeout": _WAIT}
    own = "connect_timeout" in url.query
    return {"connect_timeout": _WAIT} if url.get_driver_name().startswith("psycopg") and not own else {}


def _is_full(error: SQLAlchemyError) -> bool:
    """Whether a database says that there is no room left: SQLite by its error's name, PostgreSQL by its number."""
    driver = getattr(error, "orig", None)
    return getattr(driver, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(driver, "sqlstate", "") == "53100"


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling commits before DDL; ours begins explicitly (see _begin_sqlite).
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # The server supposes a disk whose arm must move, and would sort the whole table of records sooner than read them in
    # order from the index, at twice the work and with memory for every teacher.
    with connection.cursor() as cursor:
        cursor.execute("SET random_page_cost = 1.1")
    connection.commit()


# A writer takes its place at once, so that it never finds mid-way that another was faster: what it has read stays true
# until it has written.


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if write := options.get("xueshi_write"):
        level = "FULL" if options.get("xueshi_lasting", True) else "NORMAL"
        connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    if wait := options.get("xueshi_write"):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{wait:d}s'")
        if not options.get("xueshi_lasting", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        if whose := options.get("xueshi_whose"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER}, hashtext(%s))", (whose,))
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")
