"""Importing record files: all files of a call or nothing of them."""

from collections.abc import Callable, Iterator, Sequence, Set
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from assistant.errors import InputError
from assistant.identity import Account
from assistant.store import audit
from assistant.store.audit import Act
from assistant.store.database import Connection, Database
from assistant.store.loading import Change, Kind, Stored
from assistant.store.reach import Reach
from assistant.watch import Imported, tell
from ingest.table import Table, read_table, visible
from ingest.twins import Twins
from ingest.validate import Place, Problem, Sheet, check, check_keys, check_reach, check_references

# What is referred to goes first.
_ORDER: tuple[Kind, ...] = ("units", "teachers", "accounts", "credits", "budgets")
_TOLD = 1000


class FileReport(BaseModel):
    """What became of one file: rows of data, and how many of them were new, changed or known already.

    Of the changed: `moved`, teachers who belong to another unit now; `left`, those whose last day became known.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    kind: Kind
    rows: int
    added: int
    updated: int
    unchanged: int
    moved: int = 0
    left: int = 0
    warnings: list[str]


class ImportReport(BaseModel):
    """An import: its files in the order given. Of a dry run: what would have been.

    `import_id` names it in the log of imports; None where nothing was changed.
    """

    model_config = ConfigDict(frozen=True)

    import_id: int | None = None
    files: list[FileReport]


def load_records(
    database: Database,
    files: Sequence[Path],
    today: date,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
    account: Account | None = None,
    names: Sequence[str] | None = None,
) -> ImportReport:
    """Load record files of any kinds in any order, in one transaction; `dry_run` does all but write.

    A row whose file lacks an optional column is empty there. `progress` is told, from inside the transaction, how many
    rows of all files are done. `account`: the administrator who imports, and may write within their unit only; None:
    the operator, who may write anything. `names`: what the files are called in messages, if not by their own names.
    InputError lists every bad cell and row of all files, and nothing is loaded; Unavailable: the database fails.
    """
    labels = [visible(name) for name in names] if names else _labels(files)
    problems: dict[str, list[Problem]] = {label: [] for label in labels}
    tables: list[Table] = []
    for path, label in zip(files, labels, strict=True):
        try:
            tables.append(read_table(path, label))
        except InputError as error:
            problems[label] += [Problem(0, 0, line) for line in error.problems]
    tables.sort(key=lambda table: _ORDER.index(table.kind))
    sheets = [check(table, today, problems[table.file]) for table in tables]
    check_keys(sheets, problems)
    complete = len(sheets) == len(files) and all(sheet.complete for sheet in sheets)
    # Reading is over before the database's one writer's place is taken, and only sound files take it.
    hold = database.read if dry_run or any(problems.values()) else database.write
    with hold() as connection:
        stored = Stored(connection, write=not dry_run, account=account.name if account else None)
        if complete:
            # Else what is missing may stand in what couldn't be read.
            outside = _outside(connection, account, sheets, problems)
            check_references(sheets, stored, outside, problems)
        if any(problems.values()):
            # The place alone sorts: what is said of one place stays in its order.
            ordered = [sorted(problems[label], key=lambda problem: problem[:2]) for label in labels]
            raise InputError([problem.text for group in ordered for problem in group])
        reports = [_report(*done) for done in _put(sheets, stored, progress)]
        reports.sort(key=lambda report: labels.index(report.file))
        import_id = stored.finish([report.model_dump(mode="json") for report in reports])
        if import_id is not None:
            audit.note(connection, Act.IMPORT, account.name if account else None, subject=str(import_id))
    if not dry_run:
        for done in reports:
            for change in ("added", "updated", "unchanged"):
                tell(Imported(done.kind, change, getattr(done, change)))
    return ImportReport(import_id=import_id, files=reports)


def told(problems: Sequence[str]) -> list[str]:
    """As many problems as anybody reads, and how many more there are."""
    more = len(problems) - _TOLD
    return [*problems[:_TOLD], *([f"另有 {more} 处错误没有列出，请先改正以上各处。"] if more > 0 else [])]


def _labels(files: Sequence[Path]) -> list[str]:
    """What the files are called in messages: by their names, or by their paths where two have one name."""
    if len({path.resolve() for path in files}) < len(files):
        raise InputError("同一个文件给出了不止一次，请只给一次。")
    alone = len({path.name for path in files}) == len(files)
    return [visible(path.name if alone else str(path)) for path in files]


def _outside(
    connection: Connection, account: Account | None, sheets: Sequence[Sheet], problems: dict[str, list[Problem]]
) -> Set[Place]:
    return check_reach(sheets, Reach(connection, account), problems) if account else set()


def _put(
    sheets: Sequence[Sheet], stored: Stored, progress: Callable[[int], None] | None
) -> Iterator[tuple[Sheet, Change, str | None]]:
    """Put everything in, by chunks; what became of every sheet's rows, and what is told of twins among them."""
    twins, done = Twins(sheets, stored), 0
    stored.expect(sum(len(sheet.rows) for sheet in sheets))
    for sheet in sheets:
        total = Change()
        for _, rows in sheet.rows.chunks():
            twins.see(sheet, rows)
            total = Change(*map(sum, zip(total, stored.put(sheet.table.kind, rows), strict=True)))
            done += len(rows)
            if progress:
                progress(done)
        yield sheet, total, twins.warning(sheet)


def _report(sheet: Sheet, change: Change, twins: str | None) -> FileReport:
    table = sheet.table
    warnings = [*table.warnings, *([twins] if twins else []), *([] if sheet.rows else ["没有数据行。"])]
    return FileReport(file=table.file, kind=table.kind, rows=len(sheet.rows), **change._asdict(), warnings=warnings)
