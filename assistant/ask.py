"""The story of one question, from who asks to what is sent."""

import logging
from collections.abc import Sequence

from assistant.agent import Agent
from assistant.answer import Answer, Outcome
from assistant.errors import HomeInUse, NotRegistered, QuestionError, Unavailable, XueshiError, trace
from assistant.fixed import UNAVAILABLE, wording
from assistant.guard import seal
from assistant.identity import Account
from assistant.planner.compose import compose
from assistant.planner.read import Intent, Reading
from assistant.results import Run
from assistant.rules.make_up import Course
from assistant.settings import Settings
from assistant.store import people, turns
from assistant.store.database import Database
from assistant.text import is_text, is_utf8
from assistant.tools import plan, state

_PLAN = Reading("", Intent.PLAN)
LONGEST = 2000  # characters of a question
_LOG = logging.getLogger(__name__)


def taken(question: str) -> str:
    """A question as it is taken, without white space around it. QuestionError: it is empty, too long or no text."""
    question = question.strip()
    if not is_text(question):
        raise QuestionError("问题中有不能显示的字符，请重新输入。")
    if not 1 <= len(question) <= LONGEST:
        raise QuestionError(f"问题应为 1 至 {LONGEST} 个字，现在是 {len(question)} 个字。")
    return question


class Assistant:
    """Answers questions of registered accounts over one installation's stores."""

    def __init__(self, settings: Settings, database: Database, agent: Agent) -> None:
        self._settings, self._database, self._agent = settings, database, agent

    def account(self, name: str) -> Account:
        """The registered account. NotRegistered: nobody has that name; Unavailable: nobody is registered yet."""
        if not is_text(name):
            raise NotRegistered("账号没有登记，请联系学校管理员登记。")
        with self._database.read() as connection:
            found = people.account(connection, name)
            registered = found is not None or people.any_account(connection)
        if not registered:
            raise Unavailable("还没有登记任何账号：请先运行 xueshi ingest records 导入 accounts.csv。")
        if found is None:
            raise NotRegistered(f"账号 {name[:40]} 没有登记，请联系学校管理员登记。")
        return found

    def ask(self, question: str, account: Account, thread: str | None = None, limited: bool = True) -> Answer:
        """One answer. Raises QuestionError, NotFound (the thread), TooManyQuestions; what fails later is told.

        `limited`: the rate limit holds; whoever runs the command line on the server is not held to it.
        """
        question = taken(question)
        if not is_utf8(thread or ""):
            raise QuestionError("问题中有不能显示的字符，请重新输入。")
        with self._database.write() as connection:
            limit = self._settings.rate_limit if limited else None
            thread, turn = turns.open_turn(connection, account.name, question, thread, limit)
        blank = Answer(id=turn, thread_id=thread, outcome=Outcome.UNAVAILABLE, text=UNAVAILABLE)
        run = Run(account, self._settings.clock())
        try:
            draft, results = self._agent.run(question, run)
            with self._database.read() as connection:
                answer = seal(connection, question, draft, results, run.sources, blank)
        except HomeInUse:
            raise
        except XueshiError as error:
            answer = blank.model_copy(update={"text": str(error)})
        except Exception as error:
            _LOG.error("question %s could not be answered: %s", turn, trace(error))
            answer = blank
        with self._database.write() as connection:
            turns.close_turn(connection, turn, answer.model_dump(mode="json"))
        return answer

    def plan(self, account: Account, year: int | None = None, catalogue: Sequence[Course] | None = None) -> Answer:
        """How the account's own gap is closed for the least: in hours, or by courses of a catalogue. None is kept."""
        run = Run(account, self._settings.clock())
        with self._database.read() as connection:
            result = plan(connection, run, year, catalogue)
            blank = Answer(id="", thread_id="", outcome=Outcome.UNAVAILABLE, text=UNAVAILABLE)
            return seal(connection, "", compose(_PLAN, [result], run.today.year), [result], run.sources, blank)

    def me(self, account: Account, year: int | None = None) -> Answer | None:
        """The account's own state, no question needed and none kept; None: it has no teacher's records."""
        if account.teacher_id is None:
            return None
        run = Run(account, self._settings.clock())
        with self._database.read() as connection:
            result = state(connection, run, year)
            blank = Answer(id="", thread_id="", outcome=Outcome.UNAVAILABLE, text=UNAVAILABLE)
            return seal(connection, "", wording([result]), [result], run.sources, blank)
