"""`xueshi plan`: how a teacher's gap is closed for the least."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.show import show, terminal
from assistant import settings


def command(
    account: Annotated[str, typer.Option("--as", metavar="账号", help="以哪个账号的身份")],
    catalogue: Annotated[
        Path | None, typer.Option("--catalogue", metavar="FILE", help="课程目录（csv）；不填则只算最少的学时")
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="哪一年；不填为今年", min=1970, max=9000)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="只在标准输出上给出 JSON")] = False,
) -> None:
    """补足差额的最省办法：最少的学时，或从课程目录里选费用最少的课。"""
    from assistant.bootstrap import install
    from ingest.catalogue import read_catalogue

    given = settings.load()
    courses = read_catalogue(catalogue, given.clock()) if catalogue else None
    installation = install(given)
    try:
        assistant = installation.assistant
        answer = assistant.plan(assistant.account(account), year, courses)
    finally:
        installation.close()
    if as_json:
        print(json.dumps(answer.model_dump(mode="json"), ensure_ascii=False, indent=2))  # noqa: T201
    else:
        show(answer, terminal())
