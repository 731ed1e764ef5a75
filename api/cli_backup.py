"""`xueshi backup` and `xueshi restore`: all that can't be made anew, in one file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from assistant import settings
from assistant.errors import Unavailable, XueshiError
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.store.backup import Manifest

_File = Annotated[Path, typer.Argument(metavar="FILE", help="备份文件", show_default=False)]


def backup_command(file: _File) -> None:
    """把数据库某一时刻的全部内容备份成一个文件；服务照常运行。"""
    from assistant.store.backup import back_up

    with _progress("备份") as advance:
        manifest = back_up(settings.load().database, file, advance)
    typer.echo(f"已备份 {_told(manifest)} 到 {file}（{file.stat().st_size / 1e6:.1f} MB）。")
    typer.echo("其中有个人信息，只有您的系统账号能读：请妥善保管。设置（.env）和自己的政策目录不在其中，请另行备份。")


def restore_command(file: _File) -> None:
    """把备份恢复到空的数据库，核对无误才算数；再为政策建立索引。"""
    from assistant.store.backup import restore

    given = settings.load()
    with _progress("恢复") as advance:
        manifest = restore(given.database, file, advance)
    typer.echo(f"已恢复并核对 {_told(manifest)}。")
    try:
        count = _index(given)
    except XueshiError as error:
        raise Unavailable(f"记录已经恢复，政策的索引还没有：{error}然后运行 xueshi ingest policies。") from None
    typer.echo(f"已为 {count} 份政策建立索引，可以启动服务了。大家需要重新登录。")


def _index(given: Settings) -> int:
    from assistant.retrieval.index import open_stores
    from ingest.policies import index_again

    database, index = open_stores(given)
    try:
        return index_again(database, index)
    finally:
        index.close()
        database.close()


def _told(manifest: "Manifest") -> str:
    rows, at = sum(manifest.counts.values()), manifest.made_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{rows} 行（{at} 的内容）"


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, and nothing elsewhere; to be told how many of how many steps are done."""
    with Progress(transient=True, disable=not sys.stderr.isatty(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, steps: bar.update(task, completed=done, total=steps)
