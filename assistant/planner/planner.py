"""The planner: it reads the question, has the tools called that it needs, and words what they return."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain, product
from typing import Any, Protocol

from assistant.answer import Outcome
from assistant.draft import Called, Draft, Drafted
from assistant.identity import Role
from assistant.planner.compose import compose, together, unclear
from assistant.planner.names import SOMEBODY
from assistant.planner.read import Intent, Reading, read
from assistant.planner.say.common import OF_A_UNIT, foreign
from assistant.planner.surveys import Survey
from assistant.planner.talk import MOST_PARTS, whole
from assistant.planner.words import plain
from assistant.results import Result, Run
from assistant.retrieval.thesaurus import groups_in
from assistant.watch import stage

_MOST_CALLS = 6  # of one question

Call = tuple[str, dict[str, Any]]  # a tool and its arguments


class Toolbox(Protocol):
    """What calls the tools: `assistant.tools.Tools`."""

    def call(self, name: str, arguments: Mapping[str, Any], run: Run) -> Result:
        """What a tool returns. Raises what the tool raises."""


class Planner:
    """Answers without a language model, network or chance.

    All that a question needs is known once it is read, so that there is no loop: read, call, word.
    """

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    def stream(self, question: str, run: Run, before: Sequence[tuple[str, str]] = ()) -> Generator[Called | Drafted]:
        """What is done for a question, the draft last. `before`: earlier questions and answers, oldest first.

        Errors of the tools come through as they are.
        """
        role = run.account.role
        with stage("read"):
            questions = whole(question, [asked for asked, _ in before], run.places)
            readings = [read(one, run.today, role, run.places) for one in questions[:MOST_PARTS]]
        if len(questions) > MOST_PARTS:
            choices = questions[:MOST_PARTS]
            yield Drafted(Draft("问题太多了，请分开来问。", Outcome.CLARIFY, suggestions=choices), [])
            return
        wanted = [_calls(reading) for reading in readings]
        yield from (Called(tool) for tool, _ in chain(*wanted))
        results = [[self._tools.call(tool, arguments, run) for tool, arguments in calls] for calls in wanted]
        draft = together([_draft(*part, role) for part in zip(readings, results, strict=True)])
        yield Drafted(replace(draft, intent=readings[0].intent), list(chain(*results)))


def _draft(reading: Reading, results: Sequence[Result], role: str) -> Draft:
    """The answer to one question of the message."""
    if role != Role.TEACHER and SOMEBODY in reading.people:
        return Draft("请写出要查询的教师姓名或编号。", Outcome.CLARIFY, suggestions=OF_A_UNIT)
    if not results:
        if reading.intent is not Intent.FOREIGN:
            return unclear(reading, role)
        return foreign() if role == Role.TEACHER else replace(foreign(), suggestions=unclear(reading, role).suggestions)
    return compose(reading, results)


def _calls(reading: Reading) -> list[Call]:
    """The tools that a question needs, with their arguments; none for one that can't be answered."""
    match reading.intent:
        case Intent.UNCLEAR:
            return []
        case Intent.FOREIGN if not groups_in(plain(reading.question)):
            return []
        case Intent.POLICY | Intent.FOREIGN:
            wanted = [("search_policy", {"year": reading.year, "query": reading.question})]
        case Intent.UNIT:
            wanted = [("check_compliance", one) for one in _surveys(reading)]
        case Intent.LIST | Intent.HISTORY:
            wanted = [
                ("list_records", {"teacher": who, **_where(reading), **_filters(reading)})
                for who in reading.people or (None,)
            ]
        case _:
            wanted = [("calculate_hours", one) for one in _reckonings(reading)]
    return [
        (tool, {key: value for key, value in arguments.items() if value is not None})
        for tool, arguments in wanted[:_MOST_CALLS]
    ]


def _surveys(reading: Reading) -> list[dict[str, Any]]:
    """Of each unit and year named, what is asked."""
    survey = reading.survey or Survey()
    said: dict[str, Any] = {"level": survey.level, "only": survey.only, "order": survey.order, "top": survey.top}
    said["category"] = reading.categories[0] if reading.categories else None
    every = product(reading.units or (None,), reading.years or (None,))
    return [{"unit": unit or None, "year": year, **said} for unit, year in every]


def _filters(reading: Reading) -> dict[str, Any]:
    kinds = {"statuses": reading.statuses, "categories": reading.categories, "organisers": reading.organisers}
    first, last = reading.span or (None, None)
    if reading.years and not reading.span:
        first, last = date(min(reading.years), 1, 1), date(max(reading.years), 12, 31)
    days = {"start": first and first.isoformat(), "end": last and last.isoformat()}
    return days | {name: list(values) for name, values in kinds.items() if values}


def _reckonings(reading: Reading) -> list[dict[str, Any]]:
    """Of each person and year named, the hours."""
    said: dict[str, Any] = {}
    match reading.intent:
        case Intent.PLAN:
            said["with_plan"] = True
        case Intent.WHAT_IF:
            said["assume"] = [item._asdict() for item in reading.items]
    every = product(reading.people or (None,), reading.years or (None,))
    return [{"teacher": who, "year": year, **_where(reading), **said} for who, year in every]


def _where(reading: Reading) -> dict[str, Any]:
    """The place of somebody named with it."""
    return {"unit": reading.units[0]} if reading.people and reading.units else {}
