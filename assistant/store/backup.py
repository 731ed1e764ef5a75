"""Backups: one archive of all that can't be made anew, of either kind of database, to be restored into either.

The archive is a zip file. `manifest.json` tells the schema and of every table its columns, the number of its rows and
the SHA-256 of `<table>.jsonl`, which holds a row a line. Vectors aren't in it: they are made anew of the texts.
"""

import fcntl
import glob
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Column, Connection, Table, func, select

from assistant.errors import InputError
from assistant.store.database import SCHEMA, Database
from assistant.store.moving import BATCH, TABLES, Contradicting, Rows, batches, check_empty, engine, fill

# Sessions and WeCom's tokens are secrets, too: whoever had one gets another. What was just being answered or sent is
# not answered or sent once more, much later.
_MADE_ANEW = {"revisions", "standings", "sessions", "wecom_access", "wecom_inbox", "wecom_outbox", "spent"}
_KEPT = [table for table in TABLES if table.name not in _MADE_ANEW]
_MANIFEST, _UNFINISHED = "manifest.json", ".unfinished"
_ELSEWHERE = "backup"  # what no index is called: no search trusts the vectors of a policy until they are made anew
# What reading a file may raise that is no archive, or is no longer what was written.
_DAMAGED = (BadZipFile, zlib.error, EOFError, LookupError, ArithmeticError, TypeError, ValueError, RuntimeError)

Advance = Callable[[int, int], None]


class Kept(BaseModel):
    """What an archive holds of a table; `sha256` of its rows as they are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: list[str]
    rows: int
    sha256: str


class Manifest(BaseModel):
    """What an archive holds. `made_at`: the moment that it shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["xueshi-backup"]
    schema_number: str
    made_at: datetime
    tables: dict[str, Kept]

    @property
    def counts(self) -> dict[str, int]:
        """The rows of each table."""
        return {name: kept.rows for name, kept in self.tables.items()}


def back_up(address: str, file: Path, advance: Advance | None = None) -> Manifest:
    """Write all of the database at a SQLAlchemy URL, as it is at one moment, to a new file that its owner alone reads.

    Others may go on using the database. `advance` is told how many of how many rows are written. InputError: there is
    such a file, it can't be written, or there is nothing to keep; Unavailable: the database can't be reached or fails.
    """
    try:
        if file.exists():
            raise InputError(f"{file} 已经存在：请换一个文件名，以免盖掉以前的备份。")
        with closing(Database(address)) as database, database.read() as connection, _appearing(file) as unfinished:
            return _written(connection, unfinished, advance)
    except OSError as error:
        raise InputError(f"备份写不到 {file}（{error.strerror}）：请检查目录、权限和剩余空间。没有留下文件。") from None


def restore(address: str, file: Path, advance: Advance | None = None) -> Manifest:
    """Fill the empty database at a SQLAlchemy URL from an archive, wholly or not at all. No policy has vectors then.

    `advance`: as `move` calls it. InputError: the database holds anything, or the file isn't a whole archive of this
    schema; Unavailable: the database can't be reached or fails.
    """
    check_empty(engine(address))
    try:
        with ZipFile(file) as archive:
            manifest = _checked(archive, file)
            fill(address, lambda table: _rows(archive, manifest, table), manifest.counts, advance)
            return manifest
    except (*_DAMAGED, Contradicting):
        raise InputError(f"{file} 不是学时通的备份，或已损坏、不完整：请换一份备份。没有写入任何内容。") from None
    except OSError as error:
        raise InputError(f"{file} 读不出来（{error.strerror}）：请核对文件名和权限。没有写入任何内容。") from None


# Writing.


@contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """Where to write a file that is there, once it is whole and on the disk, or not at all."""
    _clear(file)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=_UNFINISHED)
    unfinished = Path(name)
    try:
        with suppress(OSError):  # a disk that knows no locks: there nothing is ever cleared
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield unfinished
        os.fsync(descriptor)
        unfinished.rename(file)
    finally:
        os.close(descriptor)
        unfinished.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _clear(file: Path) -> None:
    """Remove what was being written to become this file by processes that were killed: any that runs has it locked."""
    for left in file.parent.glob(f".{glob.escape(file.name)}.*{_UNFINISHED}"):
        with suppress(OSError), left.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _written(connection: Connection, file: Path, advance: Advance | None) -> Manifest:
    now = datetime.now(UTC)
    counts = {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in _KEPT}
    if not any(counts.values()):
        raise InputError("现在用的数据库是空的，没有可备份的：请核对 XUESHI_HOME 和 XUESHI_DATABASE_URL。")
    done, tables = 0, dict[str, Kept]()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for table in _KEPT:
            digest = hashlib.sha256()
            with archive.open(_name(table), "w", force_zip64=True) as lines:
                for rows in batches(connection, table):
                    written = b"".join(map(_line, rows))
                    digest.update(written)
                    lines.write(written)
                    done += len(rows)
                    if advance:
                        advance(done, sum(counts.values()))
            columns = [column.name for column in table.columns]
            tables[table.name] = Kept(columns=columns, rows=counts[table.name], sha256=digest.hexdigest())
        manifest = Manifest(kind="xueshi-backup", schema_number=SCHEMA, made_at=now, tables=tables)
        archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


def _name(table: Table) -> str:
    return f"{table.name}.jsonl"


def _line(row: Mapping[str, Any]) -> bytes:
    values = {**row, "indexed_with": _ELSEWHERE} if "indexed_with" in row else row
    return json.dumps([*values.values()], default=date.isoformat).encode() + b"\n"


# Reading.


def _checked(archive: ZipFile, file: Path) -> Manifest:
    """The manifest of an archive that is as it was written. InputError: of another schema; whatever is in _DAMAGED."""
    manifest = Manifest.model_validate_json(archive.read(_MANIFEST))
    if manifest.schema_number != SCHEMA:
        raise InputError(
            f"{file} 的数据库结构是 {manifest.schema_number}，本程序的是 {SCHEMA}：请用做备份时的版本恢复，再升级。"
            "没有写入任何内容。"
        )
    if manifest.tables.keys() != {table.name for table in _KEPT}:
        raise ValueError("other tables")
    for table in _KEPT:
        digest, rows = hashlib.sha256(), 0
        with archive.open(_name(table)) as lines:
            for line in lines:
                digest.update(line)
                rows += 1
        if (rows, digest.hexdigest()) != (manifest.tables[table.name].rows, manifest.tables[table.name].sha256):
            raise ValueError(table.name)
    return manifest


def _rows(archive: ZipFile, manifest: Manifest, table: Table) -> Iterator[Rows]:
    columns = [table.columns[name] for name in manifest.tables[table.name].columns]
    with archive.open(_name(table)) as lines:
        while part := list(islice(lines, BATCH)):
            yield [_row(columns, line) for line in part]


def _row(columns: Sequence[Column[Any]], line: bytes) -> dict[str, Any]:
    return {column.name: _value(column, one) for column, one in zip(columns, json.loads(line), strict=True)}


def _value(column: Column[Any], value: Any) -> Any:
    """What a column held. ValueError: no column of its kind holds that; SQLite would keep it all the same."""
    kind = column.type.python_type
    if isinstance(column.type, JSON) or (value is None and column.nullable):
        return value
    if kind is date:
        return date.fromisoformat(value)
    if type(value) is not kind:
        raise ValueError(column.name)
    return value
