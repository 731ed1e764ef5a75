"""What a database holds, all of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, inspect, select

from assistant.store.database import Database
from assistant.store.tables import Base

Contents = dict[str, list[tuple[Any, ...]]]


@contextmanager
def opened(address: str, write: bool = False) -> Iterator[Connection]:
    database = Database(address)
    with (database.write if write else database.read)() as connection:
        yield connection
    database.close()


def contents(address: str) -> Contents:
    """Every row of every table, in an order that no database chooses."""
    with opened(address) as connection:
        tables = Base.metadata.tables
        return {name: sorted(map(tuple, connection.execute(select(tables[name]))), key=repr) for name in tables}


def tables(address: str) -> list[str]:
    engine = create_engine(address)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def rows(address: str) -> int:
    return sum(map(len, contents(address).values()))
