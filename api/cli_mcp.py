"""`xueshi mcp`: the tools for a program on this machine, by the Model Context Protocol on standard input and output."""

from typing import Annotated

import typer

from assistant import settings


def command(account: Annotated[str, typer.Option("--as", metavar="账号", help="以哪个账号的身份")]) -> None:
    """以 MCP（标准输入输出）把工具提供给本机的其他程序，直到它关闭输入。"""
    import asyncio
    import gc

    from api.mcp import serve_stdio
    from assistant.bootstrap import install

    installation = install(settings.load())
    try:
        installation.assistant.account(account)  # said at once, not with the first call
        gc.enable()  # off since the start, which is all that most commands are
        asyncio.run(serve_stdio(installation, account))
    finally:
        installation.close()
