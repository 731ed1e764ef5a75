"""`xueshi wecom`: WeCom for networks that it can't call into."""

import asyncio
import signal
from contextlib import closing

import typer

from api import logs
from assistant import settings
from assistant.errors import SettingsError
from assistant.settings import Settings

HOLDING = "保持智能机器人的长连接"  # of which a bot has one, on whichever machine
wecom = typer.Typer(help="企业微信。", no_args_is_help=True)


@wecom.callback()
def _group() -> None:
    """With one command only, its name would not be asked for."""


@wecom.command("connect")
def connect_command() -> None:
    """保持智能机器人的长连接，直到停止（Ctrl+C）；不需要公网地址。内嵌的向量库不能同时用于 xueshi serve。"""
    from assistant.store.database import Database

    given = settings.load()
    if not given.wecom_bot_id:
        raise SettingsError(
            "请先设置 XUESHI_WECOM_BOT_ID 和 XUESHI_WECOM_BOT_SECRET（智能机器人的“API 模式”—“长连接”）。"
        )
    logs.start()
    with closing(Database(given.database)) as database, database.alone(HOLDING):
        asyncio.run(_connect(given))


async def _connect(given: Settings) -> None:
    """Answer over the connection until a signal comes; Displaced and others as `Line.hold` raises them."""
    from api.running import Running
    from api.wecom import app
    from api.wecom.chat import Chat
    from api.wecom.client import Client
    from api.wecom.connect import Line
    from api.wecom.post import Post, by_app
    from assistant.bootstrap import install

    installation = install(given)
    installation.index.open()
    client = Client(given, installation.database) if given.wecom_corp_id else None
    running, post = Running(installation), Post(installation.database)
    if client:
        post.add_way(app.WAY, by_app(client))
    chat = Chat(installation, running, post, client)
    holding = asyncio.create_task(Line(given, chat, post).hold())
    post.start()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, holding.cancel)
    try:
        await holding
    except asyncio.CancelledError:
        typer.echo("已停止。")
    finally:
        chat.close()
        await asyncio.to_thread(post.close)
        running.close()
        if client:
            client.close()
        installation.close()
