"""A server whose answers say who asked what, and which soon notices what dead processes have left.

Run as `python -m tests.wecom.echo PORT SECONDS`, that an answer takes; the settings come from the environment.
"""

import sys
import time
from collections.abc import Iterator

import uvicorn

from api import running
from api.app import create_app
from api.wecom import post as outbound
from assistant import settings
from assistant.answer import Outcome, Table
from assistant.ask import Asked, Assistant, Happening, Proven
from assistant.store import post, runs

PERSONAL = "个人"  # an answer to a question with this word isn't for a group


def said(account: str, question: str) -> str:
    """What an answer says."""
    return f"{account}问：{question}。"


def answered(_: Assistant, asked: Asked) -> Iterator[Happening]:
    """An answer in the planner's place."""
    text = said(asked.account.name, asked.question)
    answer = asked.blank.model_copy(update={"outcome": Outcome.ANSWERED, "text": text})
    if PERSONAL in asked.question:
        table = Table(caption="记录", columns=["项目"], rows=[["培训"]], total_rows=1)
        answer = answer.model_copy(update={"tables": [table]})
    yield Proven(answer)


def _slowly(assistant: Assistant, asked: Asked) -> Iterator[Happening]:
    time.sleep(float(sys.argv[2]))
    yield from answered(assistant, asked)


def _main() -> None:
    Assistant._by_planner = _slowly  # type: ignore[method-assign]
    post.HELD, outbound._LOOK = 2.0, 0.2
    runs.SILENT, running._BEAT = 2.0, 0.3
    uvicorn.run(create_app(settings.load()), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")


if __name__ == "__main__":
    _main()
