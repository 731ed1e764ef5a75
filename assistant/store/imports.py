"""The log of imports, and undoing one: what it added goes, what it updated becomes again what it was."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, func, select, update

from assistant.errors import InputError, NotFound
from assistant.identity import Account, Role, holds
from assistant.store import audit
from assistant.store.audit import Act
from assistant.store.database import Database
from assistant.store.loading import (
    COLUMNS,
    KEY_WIDTH,
    KINDS,
    REFERENCES,
    TABLES,
    TEACHER_AT,
    Kind,
    Row,
    Stored,
    chunks,
    from_json,
    write_over,
)
from assistant.store.reach import Reach
from assistant.store.standings import refresh
from assistant.store.tables import AccountRow, Former, Import

_AT_ONCE = 2000  # rows
# What rows that refer to a row rely on, besides its being there.
_RELIED_ON: Mapping[Kind, Sequence[str]] = {"units": ("level",)}
_UNKNOWN = "没有这次导入，或者它不在您可以维护的范围内。"


class ImportInfo(NamedTuple):
    """An import in the log. Times in seconds since the epoch, UTC; `files` are the reports of its files as JSON.

    `account` and `undone_by` are None for the command line; `undone_at` is None where it was not undone.
    """

    id: int
    account: str | None
    made_at: float
    files: Sequence[Mapping[str, Any]]
    undone_at: float | None
    undone_by: str | None


class UndoReport(BaseModel):
    """An import undone: how many rows it had added, and how many were put back as they were before it."""

    model_config = ConfigDict(frozen=True)

    import_id: int
    removed: int
    restored: int


def imports(connection: Connection, account: Account | None = None) -> list[ImportInfo]:
    """The imports, latest first: all of them, or those by administrators of the account's unit and below."""
    query = select(*(getattr(Import, name) for name in ImportInfo._fields), AccountRow.role, AccountRow.unit)
    query = query.outerjoin(AccountRow, AccountRow.account == Import.account).order_by(Import.id.desc())
    return [
        ImportInfo(*info)
        for *info, role, unit in connection.execute(query)
        if account is None or (role not in (None, Role.TEACHER) and _within(account, unit))
    ]


def undo(database: Database, import_id: int, account: Account | None = None) -> UndoReport:
    """Undo an import, wholly or not at all. `account`: the administrator who asks; None: the operator.

    NotFound: there is no such import, or it is none of the account's. InputError: it was undone, or what came after it
    stands on it; says which imports to undo first. Unavailable: the database fails.
    """
    with database.write() as connection:
        found = next((info for info in imports(connection, account) if info.id == import_id), None)
        if found is None or (account and not _reaches(connection, import_id, account)):
            raise NotFound(_UNKNOWN)
        if found.undone_at is not None:
            raise InputError(f"第 {import_id} 次导入已经撤销过了。")
        _check_later(connection, import_id)
        # What is computed of these teachers is forgotten first: it would refer to rows that go.
        refresh(connection, [], _teachers(connection, import_id))
        restored = sum(_restore(connection, import_id, kind, rows) for kind, rows in _formers(connection, import_id))
        # From here on a row that names this import is one that it added.
        _check_left_behind(connection, import_id)
        removed = 0
        for kind in reversed(KINDS):
            table = TABLES[kind]
            removed += connection.execute(delete(table).where(table.columns["import_id"] == import_id)).rowcount
        connection.execute(delete(Former).where(Former.import_id == import_id))
        by = account.name if account else None
        log = update(Import).where(Import.id == import_id).values(undone_at=time.time(), undone_by=by)
        connection.execute(log)
        audit.note(connection, Act.UNDO, by, subject=str(import_id))
    return UndoReport(import_id=import_id, removed=removed, restored=restored)


def _within(account: Account, unit: str | None) -> bool:
    own = account.scope.unit
    return own is not None and unit is not None and holds(own, unit)


def _reaches(connection: Connection, import_id: int, account: Account) -> bool:
    """Whether all rows that undoing would change are the account's to write, as they are and as they were."""
    reach = Reach(connection, account)
    every = (*_written(connection, import_id), *_formers(connection, import_id))
    return not any(any(reach.outside(kind, rows)) for kind, rows in every)


def _written(connection: Connection, import_id: int) -> Iterator[tuple[Kind, list[Row]]]:
    """The rows that name an import, some at a time."""
    for kind in KINDS:
        table = TABLES[kind]
        query = select(table).where(table.columns["import_id"] == import_id)
        for some in connection.execute(query).partitions(_AT_ONCE):
            yield kind, [tuple(row) for row in some]


def _formers(connection: Connection, import_id: int) -> Iterator[tuple[Kind, list[Row]]]:
    """What the rows that an import updated were before, some at a time; last in a row, the import that it named."""
    for kind in KINDS:
        query = select(Former.row).where(Former.import_id == import_id, Former.kind == kind)
        for some in connection.execute(query).scalars().partitions(_AT_ONCE):
            yield kind, [from_json(kind, values) for values in some]


def _check_later(connection: Connection, import_id: int) -> None:
    """InputError: a later import changed rows of this one."""
    later = connection.execute(select(Former.import_id, Former.row).where(Former.import_id > import_id))
    if changed := {number for number, row in later if row[-1] == import_id}:
        raise InputError(f"第 {import_id} 次导入的一些行后来又改过，请先撤销{_listed(changed)}。")


def _teachers(connection: Connection, import_id: int) -> set[str]:
    """The teachers whose standing an import may have changed."""
    every = (*_written(connection, import_id), *_formers(connection, import_id))
    return {str(row[TEACHER_AT[kind]]) for kind, rows in every if kind in TEACHER_AT for row in rows}


def _restore(connection: Connection, import_id: int, kind: Kind, rows: Sequence[Row]) -> int:
    """Put rows back as they were. InputError: what they belonged to is gone, or others rely on what they are now."""
    stored = Stored(connection, write=False)
    for name, target in REFERENCES[kind].items():
        place = COLUMNS[kind].index(name)
        wanted = {(row[place],) for row in rows if row[place] is not None}
        if gone := wanted - stored.existing(target, wanted).keys():
            lost = "、".join(sorted(str(key[0]) for key in gone)[:5])
            raise InputError(f"{kind} 表的一些行原来属于 {lost}，现在已经没有了，请先把它导入，再撤销。")
    for name in _RELIED_ON.get(kind, ()):
        _check_relied_on(connection, import_id, kind, rows, COLUMNS[kind].index(name))
    write_over(connection, kind, rows)
    return len(rows)


def _check_relied_on(connection: Connection, import_id: int, kind: Kind, rows: Sequence[Row], place: int) -> None:
    width = KEY_WIDTH[kind]
    now = Stored(connection, write=False).existing(kind, {row[:width] for row in rows})
    other = [row[0] for row in rows if now[row[:width]][place] != row[place]]
    for child, name in _references_to(kind):
        column, by = TABLES[child].columns[name], TABLES[child].columns["import_id"]
        for some in chunks(other):
            query = select(by).where(column.in_(some), by > import_id).distinct()
            if later := set(connection.execute(query).scalars()):
                raise InputError(f"后来导入的 {child} 表的行以第 {import_id} 次导入为准，请先撤销{_listed(later)}。")


def _check_left_behind(connection: Connection, import_id: int) -> None:
    """InputError: rows that stay refer to rows that go."""
    for kind in KINDS:
        going, key = TABLES[kind].columns["import_id"], TABLES[kind].columns[COLUMNS[kind][0]]
        for child, name in _references_to(kind):
            table = TABLES[child]
            by = func.coalesce(table.columns["import_id"], 0)
            query = select(by).join(TABLES[kind], key == table.columns[name])
            if staying := set(
                connection.execute(query.where(going == import_id, by != import_id).distinct()).scalars()
            ):
                raise InputError(f"{child} 表还有行属于第 {import_id} 次导入的 {kind}，请先撤销{_listed(staying)}。")


def _references_to(kind: Kind) -> Iterator[tuple[Kind, str]]:
    """(kind, column) of everything that refers to rows of a kind."""
    for child in KINDS:
        for name, target in REFERENCES[child].items():
            if target == kind:
                yield child, name


def _listed(numbers: set[int]) -> str:
    known = [f"第 {number} 次" for number in sorted(numbers, reverse=True) if number]
    return "、".join(known) + "导入" if known else "在它之后的改动"
