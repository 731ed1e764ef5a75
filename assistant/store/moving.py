"""Moving everything that a database holds to another one: wholly, compared row by row, or not at all."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Table, create_engine, func, insert, inspect, make_url, null, select
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from assistant.errors import InputError, Unavailable, trace
from assistant.store.database import Database, patience
from assistant.store.tables import Base

BATCH = 1000  # rows read and written at a time
TABLES = Base.metadata.sorted_tables  # what is referred to goes first
_LOG = logging.getLogger(__name__)

Rows = Sequence[Mapping[Any, Any]]
_UNREACHABLE = "目标数据库连不上，或没有读写、建表的权限：请核对地址、账号和密码，并确认数据库已经建好。没有任何改动。"


class Contradicting(InputError):
    """A row that contradicts others: there is one of its key already, or none that it refers to."""


def move(present: str, address: str, advance: Callable[[int, int], None] | None = None) -> dict[str, int]:
    """Copy all rows of the database at `present` to the empty one at `address`; the rows copied, by table.

    Both are SQLAlchemy URLs; the present database is only read. The other gets its tables by the migrations, and its
    rows in one transaction that is kept only if they are found there as they were read. `advance` is told how many of
    how many steps are done. InputError: the address makes no sense or is the present database's, something is kept
    there, nothing is kept at `present`, or a row doesn't fit; Unavailable: a database can't be reached or fails.
    """
    target = engine(address)
    if _place(target.url) == _place(make_url(present)):
        raise InputError("目标就是现在用的数据库：请给出另一个空数据库的地址。")
    source = Database(present)
    try:
        with source.read() as before:
            counts = {table.name: before.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}
            if not any(counts.values()):
                raise InputError("现在用的数据库是空的，没有可迁移的：请核对 XUESHI_HOME 和 XUESHI_DATABASE_URL。")
            check_empty(target)
            fill(address, lambda table: batches(before, table), counts, advance)
    finally:
        source.close()
    return counts


def fill(
    address: str,
    read: Callable[[Table], Iterator[Rows]],
    counts: Mapping[str, int],
    advance: Callable[[int, int], None] | None,
) -> None:
    """Give an empty database the rows that `read` tells of each table in `counts`, all in one transaction.

    InputError: a row doesn't fit. Unavailable: it can't be reached, fails, or then holds other rows than were read.
    """
    try:
        database = Database(address)
    except Unavailable:
        raise Unavailable(_UNREACHABLE) from None
    done, steps = 0, 2 * sum(counts.values())

    def step(more: int) -> None:
        nonlocal done
        done += more
        if advance:
            advance(done, steps)

    try:
        with database.write() as after:
            for table in TABLES:
                if table.name in counts:
                    _copy(read(table), after, table, step)
    finally:
        database.close()


def hidden(address: str) -> str:
    """The address without its password, for showing."""
    url = make_url(address)
    if "password" in url.query:
        url = url.update_query_dict({"password": "***"})
    return url.render_as_string(hide_password=True)


def engine(address: str) -> Engine:
    """An engine that nothing has been asked yet. InputError: the address makes no sense."""
    try:
        url = make_url(address)
        if url.database:
            return create_engine(url, connect_args=patience(url), poolclass=NullPool)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError):
        pass
    raise InputError(
        "目标地址有误：应为带数据库名的 SQLAlchemy 地址，如 postgresql+psycopg://用户:密码@主机/数据库，并装好它的驱动。"
    )


def _place(url: URL) -> tuple[Any, ...]:
    """Where a database is, whoever signs in and by whichever driver."""
    if url.get_backend_name() == "sqlite":
        return "sqlite", Path(url.database or "").resolve()
    return url.get_backend_name(), url.host, url.port, url.query.get("host"), url.query.get("port"), url.database


def check_empty(target: Engine) -> None:
    """Before migrations touch it: InputError where it holds other tables than ours, or any row; Unavailable."""
    if target.dialect.name == "sqlite" and not Path(target.url.database or "").exists():
        return
    try:
        with target.connect() as connection:
            there = set(inspect(connection).get_table_names())
            filled = [
                table.name
                for table in TABLES
                if table.name in there and connection.execute(select(1).select_from(table).limit(1)).first() is not None
            ]
    except SQLAlchemyError as error:
        _LOG.error("the target can't be read: %s", trace(error))
        raise Unavailable(_UNREACHABLE) from None
    others = sorted(there - Base.metadata.tables.keys() - {"alembic_version"})
    if filled or others:
        raise InputError(
            f"目标数据库不是空的（有表 {'、'.join((filled or others)[:3])}）：请另建一个空数据库。没有任何改动。"
        )


@dataclass
class _Tally:
    """What rows amount to in whatever order they come: their number, and the sum of their hashes."""

    rows: int = 0
    total: int = 0

    def add(self, rows: Rows) -> None:
        for row in rows:
            line = json.dumps(list(row.values()), ensure_ascii=False, sort_keys=True, default=str)
            self.total += int.from_bytes(hashlib.sha256(line.encode()).digest())
        self.rows += len(rows)


def _copy(rows: Iterator[Rows], after: Connection, table: Table, advance: Callable[[int], None]) -> None:
    """Rows into their table. Unavailable: what is there afterwards is not what was read."""
    read, found = _Tally(), _Tally()
    for batch in rows:
        _insert(after, table, batch)
        read.add(batch)
        advance(len(batch))
    for batch in batches(after, table):
        found.add(batch)
        advance(len(batch))
    if found != read:
        raise Unavailable(f"写入后 {table.name} 表与原来的不一致，已全部撤回：请确认没有别的程序在写目标数据库。")
    column = table.autoincrement_column
    if column is not None and after.dialect.name == "postgresql":
        # Its next number is kept apart from the table: it has to come after those that were copied.
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        after.execute(select(func.setval(sequence, func.coalesce(func.max(column), 0) + 1, False)))


def batches(connection: Connection, table: Table) -> Iterator[Rows]:
    """All rows of a table, some at a time."""
    yield from connection.execute(select(table).execution_options(yield_per=BATCH)).mappings().partitions()


def _insert(connection: Connection, table: Table, rows: Rows) -> None:
    """InputError names a row that the database doesn't take."""
    documents = {column.name for column in table.columns if isinstance(column.type, JSON)}
    # None would be written as JSON's null where a document may be missing.
    values = [
        {name: null() if value is None and name in documents else value for name, value in row.items()} for row in rows
    ]
    try:
        with connection.begin_nested():
            connection.execute(insert(table), values)
    except (DataError, IntegrityError) as error:
        if len(rows) > 1:
            for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
                _insert(connection, table, half)
            return
        key = "、".join(str(rows[0][column.name]) for column in table.primary_key)
        kind, why = InputError, "文字太长、数字太大，或有不能显示的字符"
        if isinstance(error, IntegrityError):
            kind, why = Contradicting, "编号重复，缺了必填的一项，或它所指的另一行不存在"
        raise kind(
            f"{table.name} 表中的 {key!r} 放不进目标数据库（{why}）：请先在原处改正它再试。没有写入任何内容。"
        ) from None
