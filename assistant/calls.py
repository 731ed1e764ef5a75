"""The tools for other programs: called under an account, held to its limits, kept in its history, never in words.

A caller is shown what the agent's own model is shown, with the citations behind it. What it says afterwards is its own:
the guard sees no text of another program's.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assistant.answer import Answer, Citation, Outcome
from assistant.ask import LONGEST
from assistant.basis import Basis, basis
from assistant.errors import InputError, Unavailable, XueshiError, trace
from assistant.fixed import DENIED, UNAVAILABLE
from assistant.guard import citations
from assistant.identity import Account
from assistant.results import BadQuery, Denied, NotATeacher, Result, Run
from assistant.settings import Settings
from assistant.store import turns
from assistant.store.database import Database
from assistant.text import is_text
from assistant.tools import Tools, told

_NOBODY = "这个账号没有本人的学时记录：请写出要查询的教师姓名或编号。"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Called:
    """What a tool returned: `kind` names the result, in which citations stand by their ids.

    `refused`: in words, why there is nothing; None: there is.
    """

    kind: str
    result: dict[str, Any]
    citations: list[Citation]
    refused: str | None = None


class Calls:
    """Calls of an installation's tools."""

    def __init__(self, settings: Settings, database: Database, tools: Tools) -> None:
        self._settings, self._database, self.tools = settings, database, tools

    def call(self, account: Account, name: str, arguments: Mapping[str, Any], limited: bool = True) -> Called:
        """What a tool returns to an account. `limited`: the rate limit holds, of questions and calls together.

        InputError: the tool or the arguments; TooManyQuestions; Unavailable: a part is down.
        """
        said = json.dumps(arguments, ensure_ascii=False)
        if len(said) > LONGEST:
            raise InputError(f"参数太长：合计至多 {LONGEST} 个字。")
        if not all(is_text(one) for pair in arguments.items() for one in pair if isinstance(one, str)):
            raise InputError("参数中有不能显示的字符，请重新输入。")
        self.tools.check(name, arguments)
        run = Run(account, self._settings.clock())
        with self._database.write(account.name) as connection:
            thread = turns.named_thread(connection, account.name, f"tools {run.today}")
            limit = self._settings.rate_limit if limited else None
            _, turn = turns.open_turn(connection, account.name, f"程序调用：{name} {said}", thread, limit)
        kept = Answer(id=turn, thread_id=thread, outcome=Outcome.UNAVAILABLE, text=UNAVAILABLE)
        used = Basis()
        try:
            result = self.tools.call(name, arguments, run)
            with self._database.read() as connection:
                called = Called(
                    type(result).__name__, told(result), citations(connection, run.sources.shown), _refused(result)
                )
                kept = kept.model_copy(update=_noted(name, result))
                used = basis(connection, kept, [result])
        except XueshiError:
            raise
        except Exception as error:
            _LOG.error("call %s failed: %s", turn, trace(error))
            raise Unavailable(UNAVAILABLE) from None
        finally:
            with self._database.write(account.name) as connection:
                turns.close_turn(connection, turn, kept.model_dump(mode="json"), used.model_dump(mode="json"))
        return called


def _refused(result: Result) -> str | None:
    match result:
        case Denied():
            return DENIED
        case NotATeacher():
            return _NOBODY
        case BadQuery(reason):
            return reason
    return None


def _noted(name: str, result: Result) -> dict[str, Any]:
    """What the account's history says of a call. It has no figures: they are the caller's to word."""
    if isinstance(result, Denied):
        return {"outcome": Outcome.NOT_PERMITTED, "text": DENIED}
    return {"outcome": Outcome.ANSWERED, "text": f"其他程序以您的账号调用了工具 {name}，结果已交给它。"}
