"""`xueshi imports`: the log of imports, and undoing one."""

import json
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from api.show import terminal
from assistant import settings

imports = typer.Typer(help="导入的日志；撤销一次导入。", invoke_without_command=True)

_HERE = ZoneInfo("Asia/Shanghai")
Json = Annotated[bool, typer.Option("--json", help="只在标准输出上给出 JSON")]


@imports.callback()
def listed(context: typer.Context, as_json: Json = False) -> None:
    """列出历次导入，最近的在前。"""
    if context.invoked_subcommand:
        return
    from assistant.store.database import Database
    from assistant.store.imports import imports as log

    with Database(settings.load().database).read() as connection:
        found = log(connection)
    if as_json:
        print(json.dumps([info._asdict() for info in found], ensure_ascii=False, indent=2))  # noqa: T201
        return
    table = Table("序号", "时间", "账号", "文件", "行数", "新增", "更新", "撤销")
    for info in found:
        files = "、".join(file["file"] for file in info.files)
        sums = [str(sum(file[name] for file in info.files)) for name in ("rows", "added", "updated")]
        undone = "" if info.undone_at is None else f"{_when(info.undone_at)} {info.undone_by or '命令行'}"
        who = Text(info.account or "命令行")
        table.add_row(str(info.id), _when(info.made_at), who, Text(files), *sums, Text(undone))
    terminal().print(table if found else "还没有导入过。")


@imports.command("undo")
def undo_command(
    import_id: Annotated[int, typer.Argument(metavar="ID", help="第几次导入")], as_json: Json = False
) -> None:
    """撤销一次导入：新增的行删去，更新的行恢复原样；要么全部撤销，要么什么都不改。"""
    from assistant.store.database import Database
    from assistant.store.imports import undo

    report = undo(Database(settings.load().database), import_id)
    if as_json:
        print(report.model_dump_json(indent=2))  # noqa: T201
    else:
        print(f"已撤销第 {import_id} 次导入：删去 {report.removed} 行，恢复 {report.restored} 行。")  # noqa: T201


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, _HERE):%Y-%m-%d %H:%M}"
