"""An assistant whose language model is a scripted one, asked over the real wire."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from assistant.answer import Answer
from assistant.ask import Assistant, Event
from assistant.bootstrap import Installation, driven_by_model
from assistant.events import Replaced, Text
from assistant.model import Limits
from assistant.planner.planner import Planner
from assistant.tools import Tools
from evals.scripted_model import Request, Scripted, ScriptedModel, calls

GAP = "我今年还差多少学时？"
HOURS = calls(("calculate_hours", {}))
KEY = "sk-not-to-be-told"
# Nothing here waits for long: a failure is one at once.
QUICK = Limits(connect=2, silence=1, whole=20, retries=0, failures=99)


class Spoken:
    """An assistant whose language model is a scripted one."""

    def __init__(self, installation: Installation, server: ScriptedModel, limits: Limits) -> None:
        given = {"model": "openai:scripted", "model_base_url": server.url, "model_api_key": SecretStr(KEY)}
        settings = installation.settings.model_copy(update=given)
        tools = Tools(installation.database, installation.index)
        model = driven_by_model(settings, tools, limits)
        self.assistant = Assistant(settings, installation.database, Planner(tools), model, limits)
        self.server = server

    def events(self, question: str = GAP, account: str = "t0001", thread: str | None = None) -> list[Event]:
        who = self.assistant.account(account)
        return list(self.assistant.stream(question, who, thread, limited=False))

    def ask(self, question: str = GAP, account: str = "t0001", thread: str | None = None) -> Answer:
        return self.assistant.ask(question, self.assistant.account(account), thread, limited=False)


@contextmanager
def spoken(installation: Installation, *replies: Scripted, limits: Limits = QUICK) -> Iterator[Spoken]:
    with ScriptedModel(replies) as server:
        yield Spoken(installation, server, limits)


def body(answer: Answer) -> dict[str, Any]:
    """All of an answer but its ids."""
    return answer.model_dump(mode="json", exclude={"id", "thread_id"})


def by_planner(installation: Installation, question: str = GAP, account: str = "t0001") -> dict[str, Any]:
    """What the planner answers to the same."""
    assistant = installation.assistant
    return body(assistant.ask(question, assistant.account(account), limited=False))


def told(events: Sequence[Event]) -> str:
    """The text that is on the screen in the end."""
    shown = ""
    for event in events:
        shown = "" if isinstance(event, Replaced) else shown
        shown += event.part if isinstance(event, Text) else ""
    return shown


def pseudonym(request: Request) -> str:
    """The first that the question holds."""
    asked = next(message["content"] for message in reversed(request["messages"]) if message["role"] == "user")
    return re.findall(r"〔\w+〕", asked)[0]
