"""Importing record files: all files of a call or nothing of them."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from assistant.errors import InputError
from assistant.store.database import Database
from assistant.store.loading import CHUNK, Counts, Kind, Stored
from ingest.table import Table, read_table, visible
from ingest.validate import Problem, Sheet, check, check_references

# What is referred to goes first.
_ORDER: tuple[Kind, ...] = ("units", "teachers", "accounts", "credits", "budgets")


class FileReport(BaseModel):
    """What became of one file: rows of data, and how many of them were new, changed or known already."""

    model_config = ConfigDict(frozen=True)

    file: str
    kind: Kind
    rows: int
    added: int
    updated: int
    unchanged: int
    warnings: list[str]


class ImportReport(BaseModel):
    """An import: its files in the order given. Of a dry run: what would have been."""

    model_config = ConfigDict(frozen=True)

    files: list[FileReport]


def load_records(
    database: Database,
    files: Sequence[Path],
    today: date,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Load record files of any kinds in any order, in one transaction; `dry_run` does all but write.

    A row whose file lacks an optional column is empty there. `progress` is told, from inside the transaction, how many
    rows of all files are done. InputError lists every bad cell and row of all files, and nothing is loaded;
    Unavailable: the database fails.
    """
    labels = _labels(files)
    problems: dict[str, list[Problem]] = {label: [] for label in labels}
    tables: list[Table] = []
    for path, label in zip(files, labels, strict=True):
        try:
            tables.append(read_table(path, label))
        except InputError as error:
            problems[label] += [Problem(0, 0, line) for line in error.problems]
    sheets: list[Sheet] = []
    for table in sorted(tables, key=lambda table: _ORDER.index(table.kind)):
        same = [sheet for sheet in sheets if sheet.table.kind == table.kind]
        sheets.append(check(table, today, same, problems[table.file]))
    complete = len(sheets) == len(files) and all(sheet.complete for sheet in sheets)
    # Reading is over before the database's one writer's place is taken, and only sound files take it.
    hold = database.read if dry_run or any(problems.values()) else database.write
    with hold() as connection:
        stored = Stored(connection, write=not dry_run)
        if complete:
            # Else what is missing may stand in what couldn't be read.
            check_references(sheets, stored, problems)
        if any(problems.values()):
            # The place alone sorts: what is said of one place stays in its order.
            ordered = [sorted(problems[label], key=lambda problem: problem[:2]) for label in labels]
            raise InputError([problem.text for group in ordered for problem in group])
        reports = _put(sheets, stored, progress)
    return ImportReport(files=[reports[label] for label in labels])


def _labels(files: Sequence[Path]) -> list[str]:
    """What the files are called in messages: by their names, or by their paths where two have one name."""
    if len({path.resolve() for path in files}) < len(files):
        raise InputError("同一个文件给出了不止一次，请只给一次。")
    alone = len({path.name for path in files}) == len(files)
    return [visible(path.name if alone else str(path)) for path in files]


def _put(sheets: Sequence[Sheet], stored: Stored, progress: Callable[[int], None] | None) -> dict[str, FileReport]:
    """Put everything in, by chunks; the reports by file."""
    reports, done = dict[str, FileReport](), 0
    for sheet in sheets:
        table, rows, totals = sheet.table, sheet.rows, Counts(0, 0, 0)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            totals = Counts(*map(sum, zip(totals, stored.put(table.kind, chunk), strict=True)))
            done += len(chunk)
            if progress:
                progress(done)
        reports[table.file] = FileReport(
            file=table.file,
            kind=table.kind,
            rows=len(rows),
            **totals._asdict(),
            warnings=[*table.warnings, *([] if rows else ["没有数据行。"])],
        )
    return reports
