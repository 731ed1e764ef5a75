"""`xueshi spark`: everyone's hours past one machine, on Apache Spark: a database to Parquet, that to verdicts."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from assistant import settings
from assistant.errors import NotFound

spark = typer.Typer(help="在 Apache Spark 上核算一省乃至全国的达标情况。", no_args_is_help=True)

Folder = Annotated[str, typer.Argument(metavar="DIR", help="导出的目录，或 Spark 认得的地址", show_default=False)]
Master = Annotated[str, typer.Option("--master", help="Spark 的主节点，如 yarn、spark://host:7077")]


@spark.command("export")
def export_command(folder: Folder, master: Master = "local[*]") -> None:
    """把教师和学时记录导出为 Parquet；不含姓名，目录须是新的。"""
    from assistant.store import audit
    from assistant.store.audit import Act
    from assistant.store.database import Database
    from assistant.store.spark import export

    database = Database(settings.load().database)
    with database.write() as connection:
        audit.note(connection, Act.EXPORT, None)
    with Progress(transient=True, disable=not sys.stderr.isatty(), console=Console(stderr=True)) as bar:
        task = bar.add_task("导出", total=None)
        counts = export(database, folder, master, lambda done, total: bar.update(task, completed=done, total=total))
    typer.echo(f"已导出 {counts['teachers']} 名教师、{counts['credits']} 条记录到 {folder}。")


@spark.command("verdicts")
def verdicts_command(
    folder: Folder,
    out: Annotated[str, typer.Argument(metavar="OUT", help="结果的新目录", show_default=False)],
    unit: Annotated[str, typer.Option("--unit", metavar="PATH", help="单位及其下级，如 广东省", show_default=False)],
    year: Annotated[int | None, typer.Option("--year", help="年度；不填为今年")] = None,
    master: Master = "local[*]",
) -> None:
    """按本库的规则核算导出的每位教师，写成 Parquet；学时是百分之一学时的整数。"""
    from assistant.store import rollup
    from assistant.store.database import Database
    from assistant.store.policies import rule_sets
    from assistant.store.spark import verdicts

    given = settings.load()
    with Database(given.database).read() as connection:
        if unit not in rollup.levels(connection, unit):
            raise NotFound("没有这个单位，请核对路径。")
        known = rule_sets(connection)
    today = given.clock()
    teachers = verdicts(known, folder, out, unit, year or today.year, today, master)
    typer.echo(f"已核算 {teachers} 名教师，结果在 {out}。")
