"""Loading record files: what is stored under some keys, and putting rows in. A kind of file is its table's name."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from itertools import islice
from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from assistant.store.tables import Base, Teacher

Kind = Literal["units", "teachers", "credits", "budgets", "accounts"]
KINDS: tuple[Kind, ...] = ("units", "teachers", "credits", "budgets", "accounts")
Value = str | int | date | None
Row = tuple[Value, ...]  # in the order of COLUMNS
CHUNK = 500  # keys in one query: every database takes as many

_TABLES = {kind: Base.metadata.tables[kind] for kind in KINDS}
# Of the files; a table's last column names the import that wrote the row.
COLUMNS: dict[Kind, tuple[str, ...]] = {kind: tuple(_TABLES[kind].columns.keys())[:-1] for kind in KINDS}
# How many of the columns, from the first, make a row's key.
KEY_WIDTH: dict[Kind, int] = {kind: len(_TABLES[kind].primary_key.columns) for kind in KINDS}


class Counts(NamedTuple):
    """What became of rows: new keys, other content under a key that was there, the same content."""

    added: int
    updated: int
    unchanged: int


def limit(kind: Kind, column: str) -> int | None:
    """How many characters a column holds; None: any number."""
    return getattr(_TABLES[kind].columns[column].type, "length", None)


class Stored:
    """What is stored, seen and changed through one connection; `write` False: `put` only counts."""

    def __init__(self, connection: Connection, write: bool) -> None:
        self._connection = connection
        self._write = write

    def existing(self, kind: Kind, keys: AbstractSet[Row]) -> dict[Row, Row]:
        """The rows that have one of these keys, by key."""
        table, width, found = _TABLES[kind], KEY_WIDTH[kind], dict[Row, Row]()
        first = table.columns[COLUMNS[kind][0]]
        for chunk in _chunks({key[0] for key in keys}):
            # By the key's first column alone, for not every database compares tuples; the rest is told apart here.
            listed = select(*(table.columns[name] for name in COLUMNS[kind]))
            for row in self._connection.execute(listed.where(first.in_(chunk))).all():
                if (key := tuple(row[:width])) in keys:
                    found[key] = tuple(row)
        return found

    def teachers_of(self, units: Iterable[Value]) -> list[tuple[str, str]]:
        """(teacher_id, unit) of every teacher of these units."""
        query = select(Teacher.teacher_id, Teacher.unit)
        found = [self._connection.execute(query.where(Teacher.unit.in_(chunk))).all() for chunk in _chunks(units)]
        return [(teacher_id, unit) for rows in found for teacher_id, unit in rows]

    def put(self, kind: Kind, rows: Sequence[Row]) -> Counts:
        """Insert rows of new keys, update those with other content. No two rows of one key."""
        columns, width = COLUMNS[kind], KEY_WIDTH[kind]
        stored = self.existing(kind, {row[:width] for row in rows})
        new = [row for row in rows if row[:width] not in stored]
        other = [row for row in rows if stored.get(row[:width], row) != row]
        if self._write and new:
            self._connection.execute(insert(_TABLES[kind]), [dict(zip(columns, row, strict=True)) for row in new])
        if self._write and other:
            # Parameters named as columns are what is set; the key's need names of their own.
            names = [f"key_{name}" for name in columns[:width]] + list(columns[width:])
            same = [_TABLES[kind].columns[name] == bindparam(f"key_{name}") for name in columns[:width]]
            change = update(_TABLES[kind]).where(*same)
            self._connection.execute(change, [dict(zip(names, row, strict=True)) for row in other])
        return Counts(len(new), len(other), len(rows) - len(new) - len(other))


def _chunks(values: Iterable[Value]) -> Iterator[list[Value]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
