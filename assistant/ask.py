"""The story of one question, from who asks to what is sent."""

import logging
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from assistant.answer import Answer, Outcome
from assistant.basis import Basis, basis
from assistant.draft import Called, Draft, Drafted, Drafts, Said
from assistant.errors import HomeInUse, NotRegistered, QuestionError, Unavailable, XueshiError, trace
from assistant.events import Replaced, Status, Text, Waiting, doing, parts
from assistant.fixed import UNAVAILABLE, wording
from assistant.guard import Evidence, Rejected, prove, seal
from assistant.identity import Account
from assistant.model import Circuit, Limits, ModelFailed, ModelRun, in_time
from assistant.planner.compose import compose
from assistant.planner.names import people_in
from assistant.planner.read import Intent, Reading
from assistant.planner.words import tokens
from assistant.pseudonyms import Pseudonyms
from assistant.reckoning import plan, state
from assistant.results import Hours, Records, Result, Run
from assistant.rules.make_up import Course
from assistant.settings import Settings
from assistant.store import people, turns, units
from assistant.store.database import Connection, Database
from assistant.store.named import Named, named
from assistant.text import is_text, is_utf8, visible
from assistant.watch import Answered, ModelGaveUp, Refused, stage, tell

Event = Status | Text | Replaced | Answer
_PLAN = Reading("", Intent.PLAN)
LONGEST = 2000  # characters of a question
_LOG = logging.getLogger(__name__)


def taken(question: str) -> str:
    """A question as it is taken, without white space around it. QuestionError: it is empty, too long or no text."""
    question = question.strip()
    if len(question) <= LONGEST and not is_text(question):
        raise QuestionError("问题中有不能显示的字符，请重新输入。")
    if not 1 <= len(question) <= LONGEST or not (question := visible(question).strip()):
        raise QuestionError(f"问题应为 1 至 {LONGEST} 个字，现在是 {len(question)} 个字。")
    return question


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: who asks it and when, the questions and answers before it, the places around, its blank answer."""

    question: str
    account: Account
    today: date
    before: Sequence[tuple[str, str]]
    places: Mapping[str, str]
    blank: Answer


@dataclass(frozen=True, slots=True)
class Proven:
    """The whole answer is known, and what it rests on; what of its text hasn't been told comes next.

    `by` and `intent`: as `watch.Answered` tells them.
    """

    answer: Answer
    basis: Basis = field(default_factory=Basis)
    by: str = "nobody"
    intent: str = ""


# What happens while a question is answered, for whoever passes it on as it happens.
Happening = Event | Proven | Waiting


class Assistant:
    """Answers questions of registered accounts over one installation's stores."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        planner: Drafts,
        model: Drafts | None = None,
        limits: Limits = Limits(),  # noqa: B008  it can't change
    ) -> None:
        """`planner`: answers whatever `model`, where there is one, doesn't answer provenly within `limits`."""
        self._settings, self._database, self._planner, self._model = settings, database, planner, model
        self._limits, self._circuit = limits, Circuit(limits.failures, limits.rest)

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
        """One answer. Raises what `stream` raises."""
        return next(event for event in self.stream(question, account, thread, limited) if isinstance(event, Answer))

    def stream(
        self, question: str, account: Account, thread: str | None = None, limited: bool = True
    ) -> Generator[Event]:
        """What is being done, the text part by part as it is proven, and the answer at last. Closed before: stopped.

        Raises QuestionError, NotFound (the thread), TooManyQuestions; what fails later is told. `limited`: the rate
        limit holds; whoever runs the command line on the server is not held to it.
        """
        question = taken(question)
        if not is_utf8(thread or ""):
            raise QuestionError("问题中有不能显示的字符，请重新输入。")
        with self._database.write(account.name, lasting=False) as connection:
            asked = self.take(connection, question, account, thread, limited)
        return self._told(asked)

    def take(
        self,
        connection: Connection,
        question: str,
        account: Account,
        thread: str | None,
        limited: bool = True,
        before: Sequence[tuple[str, str]] | None = None,
        again: str | None = None,
    ) -> Asked:
        """Note a question, as `taken` gives it, within the caller's transaction. Raises what `stream` raises.

        `before`: earlier questions and answers, oldest first; None: those of the thread. `again`: the id of the answer
        to come, if the question was noted before; it keeps its thread, and isn't noted twice unless it was answered.
        """
        limit = self._settings.rate_limit if limited else None
        known = turns.unanswered(connection, account.name, again) if again else None
        if known and again:
            opened, turn = known, again
        else:
            opened, turn = turns.open_turn(connection, account.name, question, thread, limit)
        if before is None:
            before = turns.earlier(connection, opened) if thread or known else []
        places = units.vocabulary(connection, account.place)
        blank = Answer(id=turn, thread_id=opened, outcome=Outcome.UNAVAILABLE, text=UNAVAILABLE)
        return Asked(question, account, self._settings.clock(), before, places, blank)

    def _told(self, asked: Asked) -> Generator[Event]:
        with closing(self.answer(asked)) as happenings:
            for one in happenings:
                if not isinstance(one, Proven | Waiting):
                    yield one

    def answer(self, asked: Asked) -> Generator[Happening]:
        """What happens as a question is answered; the answer is kept before it is told, as far as it was if stopped."""
        shown, proven, begun = "", Proven(asked.blank), time.perf_counter()
        try:
            with closing(self._answered(asked)) as happenings:
                for one in happenings:
                    match one:
                        case Text(part):
                            shown += part
                            yield one
                        case Replaced():
                            if shown:
                                shown = ""
                                yield one
                        case Proven():
                            proven = one
                        case _:
                            yield one
            if not proven.answer.text.startswith(shown):
                shown = ""
                yield Replaced()
            yield proven
            for part in parts(proven.answer.text[len(shown) :]):
                shown += part
                yield Text(part)
        except GeneratorExit:
            stopped = asked.blank.model_copy(update={"text": shown})
            with self._database.write(asked.account.name) as connection:
                turns.stop_turn(connection, stopped.id, stopped.model_dump(mode="json"))
            tell(Answered("stopped", proven.intent, proven.by, time.perf_counter() - begun))
            raise
        with self._database.write(asked.account.name) as connection:
            kept, rests_on = proven.answer.model_dump(mode="json"), proven.basis.model_dump(mode="json")
            turns.close_turn(connection, proven.answer.id, kept, rests_on)
        tell(Answered(proven.answer.outcome, proven.intent, proven.by, time.perf_counter() - begun))
        yield proven.answer

    def _answered(self, asked: Asked) -> Generator[Happening]:
        """By the language model, where there is one and what it says is proven; else all anew by the planner."""
        if self._model and self._circuit.admits():
            try:
                yield from self._by_model(self._model, asked)
                _LOG.info("answer %s: by the language model", asked.blank.id)
                return
            except Exception as error:
                tell(Refused("model") if isinstance(error, Rejected) else ModelGaveUp())
                why = error if isinstance(error, ModelFailed) else trace(error)
                _LOG.warning("answer %s: not by the language model: %s", asked.blank.id, why)
                yield Replaced()
        try:
            yield from self._by_planner(asked)
            _LOG.info("answer %s: by the planner", asked.blank.id)
        except HomeInUse:
            raise
        except XueshiError as error:
            yield Proven(asked.blank.model_copy(update={"text": str(error)}))
        except Exception as error:
            _LOG.error("question %s could not be answered: %s", asked.blank.id, trace(error))
            yield Proven(asked.blank)

    def _by_planner(self, asked: Asked) -> Iterator[Happening]:
        run = Run(asked.account, asked.today, asked.places)
        for event in self._planner.stream(asked.question, run, asked.before):
            if isinstance(event, Called):
                yield doing(event.tool)
            elif isinstance(event, Drafted):
                with self._database.read() as connection, stage("guard"):
                    answer = seal(connection, asked.question, event.draft, event.results, run.sources, asked.blank)
                    proven = Proven(answer, basis(connection, answer, event.results), "planner", event.draft.intent)
                yield proven

    def _by_model(self, model: Drafts, asked: Asked) -> Iterator[Happening]:
        """ModelFailed: it gives nothing to go by. Rejected: what it says isn't proven."""
        named_by = Pseudonyms(partial(self._named, asked.account))
        run = ModelRun(asked.account, asked.today, people=named_by, limits=self._limits)
        shown, drafted = "", Drafted(Draft("", Outcome.UNAVAILABLE), [])
        try:
            for event in in_time(model.stream(asked.question, run, asked.before), self._limits.whole):
                match event:
                    case Waiting():
                        yield event
                    case Called(tool):
                        yield doing(tool)
                    case Said():
                        sure = self._proven(asked, run, event)
                        if sure.startswith(shown) and sure != shown:
                            yield Text(sure.removeprefix(shown))
                            shown = sure
                    case Drafted():
                        drafted = event
        except ModelFailed:
            self._circuit.tell(well=False)
            raise
        self._circuit.tell(well=True)
        if not drafted.results or _is_mistaken(asked, drafted.results):
            raise Rejected("no result that the question asks for")
        with self._database.read() as connection, stage("guard"):
            answer = prove(connection, asked.question, drafted.draft, drafted.results, run.sources, asked.blank)
            proven = Proven(answer, basis(connection, answer, drafted.results), "model")
        yield proven

    def _proven(self, asked: Asked, run: Run, said: Said) -> str:
        """A text as far as it has come, as it will be sent; empty while something in it isn't proven yet."""
        with self._database.read() as connection:
            evidence = Evidence(connection, asked.question, said.results, run.sources)
            try:
                evidence.check(said.text)
            except Exception:  # refused, or the guard failed: the whole text will be held against it once more
                return ""
            return evidence.shown(said.text)

    def _named(self, account: Account, words: Collection[str]) -> Named:
        with self._database.read() as connection:
            return named(connection, account.scope, words)

    def plan(self, account: Account, year: int | None = None, catalogue: Sequence[Course] | None = None) -> Answer:
        """How the account's own gap is closed for the least: in hours, or by courses of a catalogue. None is kept."""
        run = Run(account, self._settings.clock())
        with self._database.read() as connection:
            result = plan(connection, run, year, catalogue)
            blank = Answer(id="", thread_id="", outcome=Outcome.UNAVAILABLE, text=UNAVAILABLE)
            return seal(connection, "", compose(_PLAN, [result]), [result], run.sources, blank)

    def me(self, account: Account, year: int | None = None) -> Answer | None:
        """The account's own state, no question needed and none kept; None: it has no teacher's records."""
        if account.teacher_id is None:
            return None
        run = Run(account, self._settings.clock())
        with self._database.read() as connection:
            result = state(connection, run, year)
            blank = Answer(id="", thread_id="", outcome=Outcome.UNAVAILABLE, text=UNAVAILABLE)
            return seal(connection, "", wording([result]), [result], run.sources, blank)


def _is_mistaken(asked: Asked, results: Sequence[Result]) -> bool:
    """Whether a question about somebody else was answered with nothing but the asker's own hours."""
    own = [result for result in results if isinstance(result, Hours | Records) and result.own]
    myself = {asked.account.teacher_id, *(result.name for result in own)}
    others = [name for name in people_in(tokens(asked.question)) if not {name, name.upper()} & myself]
    return bool(own and others) and len(own) == len(results)
