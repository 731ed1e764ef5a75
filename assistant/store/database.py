"""Connections: one engine, reads that see one moment, writes that happen wholly or not at all."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection as Connection
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from assistant.errors import SettingsError, Unavailable, trace

SCHEMA = "0011"  # the newest migration; a test holds it to the folder's
_LOG = logging.getLogger(__name__)
_WAIT, _WAIT_FOR_MIGRATION = 10, 3600  # seconds: for the other writer, or the other start, to end
_WRITER = 0x58756573  # names the one writer's lock among a PostgreSQL database's advisory locks
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """An installation's database. Opening it brings the schema up to date."""

    def __init__(self, address: str) -> None:
        """`address`: any SQLAlchemy URL. SettingsError where it makes no sense, Unavailable where nobody answers."""
        try:
            url = make_url(address)
            if url.get_backend_name() == "sqlite" and url.database:
                Path(url.database).parent.mkdir(0o700, parents=True, exist_ok=True)  # nobody else's to read
            self._engine = create_engine(url, connect_args=patience(url), pool_pre_ping=not _is_sqlite(url))
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError):
            raise SettingsError("设置 XUESHI_DATABASE_URL 有误：不是 SQLAlchemy 地址，或没有安装它的驱动。") from None
        except OSError as error:
            raise SettingsError(f"设置 XUESHI_HOME 有误：目录无法建立（{error.strerror}）。") from None
        # SQLite's transactions see one moment by themselves; elsewhere each statement would see its own.
        self._moment = {} if _is_sqlite(url) else {"isolation_level": "REPEATABLE READ"}
        if _is_sqlite(url):
            event.listen(self._engine, "connect", _prepare)
            event.listen(self._engine, "begin", _begin_sqlite)
        elif url.get_backend_name() == "postgresql":
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
    def write(self, whose: str | None = None) -> Iterator[Connection]:
        """A transaction: all of it is kept, or none; one at a time. Unavailable when the database fails.

        `whose`: the account that the rows belong to. They are its alone, so that where the database can (PostgreSQL)
        only the account's own transactions wait for one another: a long import holds up nobody's question.
        """
        options = {"xueshi_write": _WAIT, "xueshi_whose": whose}
        try:
            with self._engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            _LOG.error("writing failed: %s", trace(error))
            why = "磁盘满了，数据库写不进去" if _is_full(error) else "数据库暂时无法写入"
            raise Unavailable(f"{why}，本次操作没有任何改动，请稍后再试。") from None

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

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        # Of several first starts one migrates, however long; the others then find it done.
        with self._engine.connect().execution_options(xueshi_write=_WAIT_FOR_MIGRATION) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


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


def _prepare(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling commits before DDL; ours begins explicitly (see _begin_sqlite).
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


# A writer takes its place at once, so that it never finds mid-way that another was faster: what it has read stays true
# until it has written.


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("xueshi_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    if wait := options.get("xueshi_write"):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{wait:d}s'")
        if whose := options.get("xueshi_whose"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER}, hashtext(%s))", (whose,))
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")
