"""Loading record files: what is stored under some keys, and putting rows in. A kind of file is its table's name.

What an import changes is kept, so that it can be undone (imports.py): its rows name it, and those that it updates leave
behind what they were.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from functools import lru_cache
from itertools import chain, groupby, islice, repeat
from typing import Any, Literal, NamedTuple, TypeVar, cast

from sqlalchemy import Connection, String, bindparam, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from assistant.errors import Unavailable
from assistant.store.policies import rule_sets
from assistant.store.standings import refresh
from assistant.store.tables import AccountRow, Base, Credit, Former, Import, Teacher

Kind = Literal["units", "teachers", "credits", "budgets", "accounts"]
KINDS: tuple[Kind, ...] = ("units", "teachers", "credits", "budgets", "accounts")  # what is referred to goes first
_T = TypeVar("_T")
Value = str | int | date | None
Row = tuple[Value, ...]  # in the order of COLUMNS
CHUNK = 500  # keys in one query: every database takes as many
_VALUES = 999  # in one statement: every SQLite takes as many
_MANY = 20_000  # rows
_CACHE = 16_000  # KiB: with four times as much, rows in random order go in a tenth faster

_iso = lru_cache(4096)(str)  # days recur

TABLES = {kind: Base.metadata.tables[kind] for kind in KINDS}
# Of the files; a table's last column names the import that wrote the row.
COLUMNS: dict[Kind, tuple[str, ...]] = {kind: tuple(TABLES[kind].columns.keys())[:-1] for kind in KINDS}
# How many of the columns, from the first, make a row's key.
KEY_WIDTH: dict[Kind, int] = {kind: len(TABLES[kind].primary_key.columns) for kind in KINDS}
# Column → the kind whose key it names.
REFERENCES: dict[Kind, dict[str, Kind]] = {
    kind: {column.name: cast(Kind, key.column.table.name) for column in table.columns for key in column.foreign_keys}
    for kind, table in TABLES.items()
}
_DATES = {
    kind: [COLUMNS[kind].index(column.name) for column in table.columns if column.type.python_type is date]
    for kind, table in TABLES.items()
}
# Where the rows that standings are made of name their teacher.
TEACHER_AT: Mapping[Kind, int] = {"teachers": 0, "credits": 1}


class Change(NamedTuple):
    """What became of rows: new keys, other content under a key that was there, the same content.

    Of the updated: `moved`, teachers whose unit is another now; `left`, those who have a last day now and had none.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    left: int = 0


_LONGEST = 300  # characters of what the database doesn't limit: titles, reasons


def limit(kind: Kind, column: str) -> int | None:
    """How many characters a column holds; None: it holds no text."""
    type_ = TABLES[kind].columns[column].type
    return type_.length or _LONGEST if isinstance(type_, String) else None


class Stored:
    """What is stored, seen and changed through one connection; `write` False: `put` only counts."""

    def __init__(self, connection: Connection, write: bool, account: str | None = None) -> None:
        """`account`: who imports; None: the operator."""
        self._connection = connection
        self._write = write
        self._account = account
        self._import_id: int | None = None
        self._formers = 0
        self._touched = set[str]()
        self._empty = dict[Kind, bool]()

    def existing(self, kind: Kind, keys: AbstractSet[Row]) -> dict[Row, Row]:
        """The rows that have one of these keys, by key; after the columns comes the import that wrote the row."""
        table, width, found = TABLES[kind], KEY_WIDTH[kind], dict[Row, Row]()
        first, query = table.columns[COLUMNS[kind][0]], select(*(table.columns[name] for name in _written(kind)))
        for chunk in chunks({key[0] for key in keys}):
            # By the key's first column alone, for not every database compares tuples; the rest is told apart here.
            for row in self._connection.execute(query.where(first.in_(chunk))).all():
                if (key := tuple(row[:width])) in keys:
                    found[key] = tuple(row)
        return found

    def lacking(self, kind: Kind, keys: AbstractSet[Value]) -> set[Value]:
        """Those of these keys, of one column, that nothing is stored under."""
        key, lacking = TABLES[kind].columns[COLUMNS[kind][0]], set(keys)
        for chunk in chunks(keys):
            lacking.difference_update(self._connection.execute(select(key).where(key.in_(chunk))).scalars())
        return lacking

    def teachers_of(self, units: Iterable[Value]) -> list[tuple[str, str]]:
        """(teacher_id, unit) of every teacher of these units."""
        query = select(Teacher.teacher_id, Teacher.unit)
        found = [self._connection.execute(query.where(Teacher.unit.in_(chunk))).all() for chunk in chunks(units)]
        return [(teacher_id, unit) for rows in found for teacher_id, unit in rows]

    def accounts_of(self, members: Iterable[str]) -> list[tuple[str, str]]:
        """(account, member of WeCom) of every account of these members, whose case makes no difference."""
        member = func.lower(AccountRow.wecom_userid)
        query = select(AccountRow.account, member)
        found = [self._connection.execute(query.where(member.in_(chunk))).all() for chunk in chunks(members)]
        return [(account, name) for rows in found for account, name in rows]

    def credits_of(self, teachers: Iterable[Value]) -> Iterator[Sequence[Row]]:
        """Every record of these teachers, some at a time."""
        query = select(*(TABLES["credits"].columns[name] for name in COLUMNS["credits"]))
        for chunk in chunks(teachers):
            yield [tuple(row) for row in self._connection.execute(query.where(Credit.teacher_id.in_(chunk)))]

    def is_empty(self, kind: Kind) -> bool:
        """Whether nothing of a kind was stored when this was first asked."""
        if kind not in self._empty:
            self._empty[kind] = self._connection.execute(select(TABLES[kind].columns[0]).limit(1)).first() is None
        return self._empty[kind]

    def expect(self, rows: int) -> None:
        """Be told how many rows will be put: SQLite then finds a large import's place in its indexes in memory."""
        if rows >= _MANY and self._connection.dialect.name == "sqlite":
            self._connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE}")

    def put(self, kind: Kind, rows: Sequence[Row]) -> Change:
        """Insert rows of new keys, update those with other content. No two rows of one key, in all that is put."""
        new, updated = rows, list[tuple[Row, Row]]()
        if not self.is_empty(kind):  # else no key can have been there
            width = KEY_WIDTH[kind]
            stored = self.existing(kind, {row[:width] for row in rows})
            new = [row for row in rows if row[:width] not in stored]
            updated = [(row, before) for row in rows if (before := stored.get(row[:width])) and before[:-1] != row]
        if self._write:
            self._insert(kind, new)
            self._update(kind, updated)
        if kind in TEACHER_AT:
            place = TEACHER_AT[kind]
            written = new if kind == "credits" else []  # of a new teacher nothing can have been computed
            self._touched.update([str(row[place]) for row in written])
            self._touched.update(str(row[place]) for pair in updated for row in pair)
        moved = left = 0
        if kind == "teachers":
            unit, last_day = COLUMNS[kind].index("unit"), COLUMNS[kind].index("employed_to")
            moved = sum(row[unit] != before[unit] for row, before in updated)
            left = sum(row[last_day] is not None and before[last_day] is None for row, before in updated)
        return Change(len(new), len(updated), len(rows) - len(new) - len(updated), moved, left)

    def finish(self, files: Sequence[dict[str, Any]]) -> int | None:
        """Close the log of what was put, with the reports of its files; the import's id, None where nothing changed."""
        if self._import_id is not None:
            _renew(self._connection, self._touched)
            log = update(Import).where(Import.id == self._import_id)
            self._connection.execute(log.values(files=list(files)))
        return self._import_id

    def _insert(self, kind: Kind, rows: Sequence[Row]) -> None:
        if not rows:
            return
        number, dialect = self._number(), self._connection.dialect
        # Straight to the driver where it is known: what SQLAlchemy does for every row takes longer than all the rest.
        if dialect.name == "sqlite":
            parts = _in_parts(_plain(kind, rows, number), _VALUES // len(_written(kind)))
            for size, alike in groupby(parts, len):
                values = [tuple(chain.from_iterable(part)) for part in alike]
                self._connection.exec_driver_sql(_insertion(kind, size), values)
        elif dialect.driver == "psycopg":
            _copy(self._connection, kind, rows, number)
        else:
            given = [dict(zip(_written(kind), (*row, number), strict=True)) for row in rows]
            self._connection.execute(insert(TABLES[kind]), given)

    def _update(self, kind: Kind, rows: Sequence[tuple[Row, Row]]) -> None:
        if rows:
            number = self._number()
            formers = [
                {"import_id": number, "position": position, "kind": kind, "row": to_json(before)}
                for position, (_, before) in enumerate(rows, self._formers)
            ]
            self._formers += len(rows)
            self._connection.execute(insert(Former), formers)
            write_over(self._connection, kind, [(*row, number) for row, _ in rows])

    def _number(self) -> int:
        """The import's id; its place in the log is taken with the first change."""
        if self._import_id is None:
            log = insert(Import).values(account=self._account, made_at=time.time(), files=[])
            self._import_id = self._connection.execute(log.returning(Import.id)).scalar_one()
        return self._import_id


def write_over(connection: Connection, kind: Kind, rows: Sequence[Row]) -> None:
    """Give stored rows other content; every row ends with the import that is to be named in it."""
    table, columns = TABLES[kind], _written(kind)
    # Parameters named as columns are what is set; the key's need names of their own.
    names = [f"key_{name}" if place < KEY_WIDTH[kind] else name for place, name in enumerate(columns)]
    same = [table.columns[name] == bindparam(f"key_{name}") for name in columns[: KEY_WIDTH[kind]]]
    if rows:
        connection.execute(update(table).where(*same), [dict(zip(names, row, strict=True)) for row in rows])


def _renew(connection: Connection, teachers: AbstractSet[str]) -> None:
    try:
        known = rule_sets(connection)
    except Unavailable:
        known = []  # nothing to compute by: what was computed is only forgotten
    refresh(connection, known, teachers)


def _written(kind: Kind) -> tuple[str, ...]:
    """The columns that are written: of the file, and the import that wrote the row."""
    return (*COLUMNS[kind], "import_id")


def _insertion(kind: Kind, rows: int) -> str:
    """SQLite's statement for as many rows: in one of a hundred each takes two thirds of the time."""
    row = f"({', '.join('?' for _ in _written(kind))})"
    return f"INSERT INTO {kind} ({', '.join(_written(kind))}) VALUES {', '.join([row] * rows)}"  # noqa: S608  our names


def _copy(connection: Connection, kind: Kind, rows: Sequence[Row], number: int) -> None:
    """PostgreSQL's way of taking rows in. DBAPIError, as of any statement: the database fails."""
    driver: Any = connection.connection.driver_connection
    copy = f"COPY {kind} ({', '.join(_written(kind))}) FROM STDIN"
    try:
        with driver.cursor() as cursor, cursor.copy(copy) as into:
            for row in rows:
                into.write_row((*row, number))
    except connection.dialect.loaded_dbapi.Error as error:
        raise DBAPIError(copy, None, error) from error


def _plain(kind: Kind, rows: Sequence[Row], number: int) -> Iterator[Row]:
    """What SQLite keeps of rows that an import writes."""
    columns = list[Sequence[Value]](zip(*rows, strict=True))
    for place in _DATES[kind]:
        columns[place] = [day and _iso(day) for day in columns[place]]
    return zip(*columns, repeat(number), strict=False)


def to_json(row: Row) -> list[Any]:
    """A row's values as JSON can hold them."""
    return [value.isoformat() if isinstance(value, date) else value for value in row]


def from_json(kind: Kind, values: Sequence[Any]) -> Row:
    """A row, with the import that wrote it, of what `to_json` made of one."""
    types = [column.type.python_type for column in TABLES[kind].columns]
    read = zip(values, types, strict=True)
    return tuple(date.fromisoformat(value) if value and kind is date else value for value, kind in read)


def chunks(values: Iterable[Value]) -> Iterator[list[Value]]:
    """The values, as many at a time as a query takes."""
    return _in_parts(values, CHUNK)


def _in_parts(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part
