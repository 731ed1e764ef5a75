"""`xueshi remind`: tells the teachers of a unit who are short, by WeCom."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from assistant import settings
from assistant.errors import InputError, NotFound, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.remind import Report


def command(
    unit: Annotated[str, typer.Option("--unit", metavar="PATH", help="单位的路径，如 广东省/东莞市")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只统计，不发送")] = False,
) -> None:
    """给还差学时的教师各发一条企业微信提醒，每人每周至多一次；中断后再运行会接着发，不重复。"""
    from api.reminders import OFF, sender
    from api.wecom.client import Client
    from assistant.bootstrap import install
    from assistant.remind import remind

    given = settings.load()
    if not given.wecom_corp_id:
        raise SettingsError(OFF)
    installation = install(given)
    client = Client(given, installation.database)
    try:
        with Progress(transient=True, disable=not sys.stderr.isatty(), console=Console(stderr=True)) as bar:
            task = bar.add_task("发送提醒", total=None)
            report = remind(
                installation.assistant,
                installation.database,
                sender(client, given.public_url),
                unit.strip("/"),
                given.clock(),
                dry_run=dry_run,
                advance=lambda done, of: bar.update(task, completed=done, total=of),
            )
    except NotFound as error:
        raise InputError(f"--unit {unit}：{error}") from None
    finally:
        client.close()
        installation.close()
    for line in _told(report):
        typer.echo(line)
    faults = [f"{one.teacher_id} {one.name}：{one.why}" for one in report.failed]
    if report.stopped:
        faults.append(f"没有发完：{report.stopped}改正后再运行一次，已发过的不会重发。")
    if faults:
        raise InputError(faults)


def _told(report: "Report") -> "Iterator[str]":
    """The report in lines, without what went wrong."""
    yield f"{report.unit}：截至 {report.as_of}，还差学时的教师 {report.short} 人。"
    yield f"试运行，没有发送：这次会提醒 {report.due} 人。" if report.dry_run else f"已发送 {report.sent} 人。"
    yield f"一周内提醒过的 {report.recent} 人，选择不接收的 {report.opted_out} 人。"
    lists = {
        "没有登记企业微信账号（accounts.csv 的 wecom_userid），没有发送": report.unregistered,
        "发送时中断过，可能没有收到，一周内不再发送": report.unsure,
    }
    for what, people in lists.items():
        if people:
            yield f"{what}，{len(people)} 人："
            yield from (f"  {one.teacher_id} {one.name}（{one.unit}）" for one in people)
