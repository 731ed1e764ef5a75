"""`xueshi compliance`: who has met the year's hours, in a unit."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.show import terminal
from assistant import settings
from assistant.errors import InputError, NotFound
from assistant.identity import Level

if TYPE_CHECKING:
    from assistant.compliance import Report

Format = Literal["table", "json", "csv", "xlsx"]


def command(
    unit: Annotated[str, typer.Option("--unit", metavar="PATH", help="单位的路径，如 广东省/东莞市")],
    year: Annotated[int | None, typer.Option("--year", help="年度；不填为今年", min=1970, max=9000)] = None,
    level: Annotated[Level, typer.Option("--level", help="按哪一级列出；teacher 为逐人")] = "school",
    form: Annotated[Format, typer.Option("--format", help="输出形式；xlsx 须转存到文件或用 --output")] = "table",
    verify: Annotated[
        bool, typer.Option("--verify", help="不列出，只把存下的结果与全部重算相比；不符则退出码为 1")
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="写入文件；不填为标准输出")] = None,
) -> None:
    """一个单位的达标情况：人数、达标率、各类差额、经费和覆盖。"""
    from assistant.compliance import compliance
    from assistant.compliance import verify as compare
    from assistant.store import audit
    from assistant.store.audit import Act
    from assistant.store.database import Database

    given = settings.load()
    if form == "xlsx" and output is None and sys.stdout.isatty():
        raise InputError("xlsx 不能显示在终端里：请加 --output 文件名，或用 > 转存到文件。")
    today, database = given.clock(), Database(given.database)
    try:
        if verify:
            stored, wrong = compare(database, unit.strip("/"), year or today.year)
            if wrong:
                raise InputError([f"{one}：存下的结果与重算不符，请联系维护者。" for one in wrong])
            terminal().print(f"存有 {stored} 位教师的结果，与重算完全一致。")
            return
        report = compliance(database, unit.strip("/"), year or today.year, level, today)
        if level == "teacher":
            with database.write() as connection:
                audit.note(connection, Act.ROSTER if form == "table" else Act.EXPORT, None, unit=report.unit)
    except NotFound as error:
        raise InputError(f"--unit {unit}：{error}") from None
    if form == "table" and output is None:
        show(report, terminal())
        return
    content = _content(report, form)
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise InputError(f"--output {output}：无法写入（{error.strerror}），请换一个路径。") from None


def _content(report: "Report", form: Format) -> bytes:
    from api.exports import as_csv, as_xlsx

    if form == "table":
        text = io.StringIO()
        show(report, Console(file=text, width=400, soft_wrap=True))
        return text.getvalue().encode()
    if form == "json":
        return (report.model_dump_json(indent=2) + "\n").encode()
    return as_csv(report) if form == "csv" else as_xlsx(report)


def show(report: "Report", console: Console) -> None:
    """The report as tables, units without the path that all of them share."""
    from api.exports import sheets

    for sheet in sheets(report):
        if sheet.name == "全部教师":
            continue
        shown = Table(title=Text(f"{report.unit} {report.year}年 {sheet.name}"), title_justify="left")
        for place, column in enumerate(sheet.columns):
            text = any(isinstance(row[place], str) for row in sheet.rows)
            shown.add_column(Text(column), justify="left" if text else "right", no_wrap=not text, overflow="fold")
        for row in sheet.rows:
            shown.add_row(*(Text("—" if cell is None else _short(str(cell), report.unit)) for cell in row))
        console.print(shown)


def _short(cell: str, unit: str) -> str:
    return cell.removeprefix(f"{unit}/")
