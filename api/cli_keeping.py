"""`xueshi audit` and `xueshi erase`: who saw and did what; taking a person's data, or old conversations, away."""

import csv
import json
import sys
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from api.show import terminal
from assistant import settings
from assistant.errors import InputError

_HERE = ZoneInfo("Asia/Shanghai")
_ACTS = {
    "question": "提问中查看他人记录",
    "roster": "查看逐人名单",
    "export": "导出逐人名单",
    "feedback": "查看评价和问题",
    "import": "导入记录",
    "undo": "撤销导入",
    "remind": "补学提醒",
    "token": "为这个账号签发凭证",
    "erase": "删除个人信息或过期内容",
}
_TABLES = {
    "accounts": "账号",
    "audit": "审计记录",
    "credits": "学时记录",
    "feedback": "评价",
    "formers": "导入前的旧行",
    "reminders": "提醒",
    "run_events": "回答过程的事件",
    "runs": "回答过程",
    "sessions": "登录",
    "spent": "已删除提问的时间",
    "standings": "核算结果",
    "teachers": "教师",
    "threads": "对话",
    "turns": "问答",
    "wecom_callbacks": "企业微信回调",
    "wecom_ids": "企业微信加密账号",
    "wecom_inbox": "企业微信待答消息",
    "wecom_outbox": "企业微信待发消息",
    "wecom_talks": "企业微信会话",
}
_COLUMNS = ("时间", "账号", "做了什么", "教师", "单位", "编号", "请求")

Json = Annotated[bool, typer.Option("--json", help="只在标准输出上给出 JSON")]


def audit_command(
    account: Annotated[str | None, typer.Option("--account", metavar="账号", help="只看这个账号做的")] = None,
    about: Annotated[
        str | None, typer.Option("--about", metavar="TEACHER_ID", help="只看涉及这位教师的，整个单位的也算")
    ] = None,
    since: Annotated[datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="从这一天起")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="以 csv 给出")] = False,
) -> None:
    """谁在什么时候看过、导入过什么：管理员查看他人记录，以及导入、撤销、提醒、签发凭证、删除；最近的在前。"""
    from api.exports import inert
    from assistant.store.audit import lines
    from assistant.store.database import Database

    start = since.replace(tzinfo=_HERE).timestamp() if since else None
    with Database(settings.load().database).read() as connection:
        found = lines(connection, account, about, start)
    if as_json:
        told = [line._asdict() | {"at": _when(line.at).isoformat()} for line in found]
        print(json.dumps(told, ensure_ascii=False, indent=2))  # noqa: T201
        return
    rows = [
        (
            f"{_when(line.at):%Y-%m-%d %H:%M:%S}",
            line.account or "命令行",
            _ACTS[line.act],
            *(part or "" for part in (line.teacher_id, line.unit, line.subject, line.request)),
        )
        for line in found
    ]
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerows([_COLUMNS, *([inert(cell) for cell in row] for row in rows)])
        return
    table = Table(*_COLUMNS)
    for row in rows:
        table.add_row(*map(Text, row))
    terminal().print(table if rows else "没有符合条件的审计记录。")


def erase_command(
    who: Annotated[str | None, typer.Argument(metavar="[TEACHER_ID|账号]", help="要删除的那个人")] = None,
    older: Annotated[
        int | None, typer.Option("--older-than", metavar="DAYS", help="改为删除多少天以前的对话、登录和日志", min=1)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只统计会删除什么，不删除")] = False,
    as_json: Json = False,
) -> None:
    """删除一个人的全部个人信息，或过期的对话；不能恢复，请先用 --dry-run 看看。要么全部删除，要么什么都不删。"""
    from assistant.store.database import Database
    from assistant.store.erasure import erase_older, erase_person

    if (who is None) == (older is None):
        raise typer.BadParameter("请给出教师编号或账号，或者 --older-than 天数，二者选一。")
    database = Database(settings.load().database)
    if who is not None and not who.strip():
        raise InputError("教师编号或账号不能为空。")
    done = erase_person(database, who.strip(), dry_run) if who else erase_older(database, older or 1, dry_run)
    if as_json:
        print(done.model_dump_json(indent=2))  # noqa: T201
        return
    told = "，".join(f"{_TABLES[name]} {count}" for name, count in sorted(done.rows.items())) or "没有可以删除的"
    shown = [f"试运行，没有删除：{told}。" if dry_run else f"已删除：{told}。"]
    if done.others:
        shown.append(f"其中 {done.others} 条问答是其他人的，里面提到了这个人。")
    if who and not dry_run:
        shown.append("备份和已导出的文件中可能还有，请一并处理；不要再从旧文件导入。")
    terminal().print("\n".join(shown))


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, _HERE)
