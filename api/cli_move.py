"""`xueshi move`: to another database, SQLite to PostgreSQL above all."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from assistant import settings


def move_command(
    address: Annotated[
        str, typer.Argument(metavar="DATABASE_URL", help="空数据库的 SQLAlchemy 地址", show_default=False)
    ],
) -> None:
    """把现用数据库的全部内容迁移到另一个空数据库，核对无误才算数；请先停止 xueshi serve。"""
    from assistant.store.moving import hidden, move

    with Progress(transient=True, disable=not sys.stderr.isatty(), console=Console(stderr=True)) as bar:
        task = bar.add_task("迁移", total=None)
        counts = move(
            settings.load().database, address, lambda done, steps: bar.update(task, completed=done, total=steps)
        )
    for table, rows in counts.items():
        typer.echo(f"{table}：{rows} 行")
    typer.echo(f"已迁移并核对 {sum(counts.values())} 行；原来的数据库没有改动。接下来请设置")
    typer.echo(f"XUESHI_DATABASE_URL={hidden(address)}")
    typer.echo("（密码已隐去）。向量库不在数据库里，仍在原处：XUESHI_HOME 和 XUESHI_VECTOR_URL 不要改。")
