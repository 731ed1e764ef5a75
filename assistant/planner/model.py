"""The planner as a LangChain chat model: it asks for tools like any model, and words what they return."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from assistant.answer import Outcome
from assistant.draft import Draft
from assistant.identity import Role
from assistant.planner.compose import compose, together, unclear
from assistant.planner.names import SOMEBODY
from assistant.planner.read import Intent, Reading, read
from assistant.planner.say.common import OF_A_UNIT, foreign
from assistant.planner.surveys import Survey
from assistant.planner.talk import MOST_PARTS, whole
from assistant.planner.words import plain
from assistant.retrieval.thesaurus import groups_in
from assistant.watch import stage

_MOST_CALLS = 6  # of one question


class OfflinePlanner(BaseChatModel):
    """Reads the question, calls the tools, words the results; no language model, no network, no chance."""

    @property
    def _llm_type(self) -> str:
        return "xueshi-offline-planner"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The planner knows the tools by name; there is nothing to bind."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        brief = next(message for message in messages if isinstance(message, SystemMessage)).additional_kwargs
        role = Role(brief["role"])
        results = [message for message in messages if isinstance(message, ToolMessage)]
        if results:  # they follow the planner's own calls
            readings = messages[-len(results) - 1].additional_kwargs["readings"]
        else:
            asked = [str(message.content) for message in messages if isinstance(message, HumanMessage)]
            places = brief.get("places", {})
            with stage("read"):
                questions = whole(asked[-1], asked[:-1], places)
                if len(questions) > MOST_PARTS:
                    return _says(Draft("问题太多了，请分开来问。", Outcome.CLARIFY, suggestions=questions[:MOST_PARTS]))
                today = date.fromisoformat(str(brief["today"]))
                readings = [read(question, today, role, places) for question in questions]
            if calls := [call for part, reading in enumerate(readings) for call in _calls(part, reading)]:
                return _result(AIMessage("", tool_calls=calls, additional_kwargs={"readings": readings}))
        draft = together([_draft(part, reading, results, role) for part, reading in enumerate(readings)])
        return _says(replace(draft, intent=readings[0].intent))


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _says(draft: Draft) -> ChatResult:
    return _result(AIMessage(draft.text, additional_kwargs={"draft": draft}))


def _draft(part: int, reading: Reading, results: Sequence[ToolMessage], role: str) -> Draft:
    """The answer to one question of the message."""
    if role != Role.TEACHER and SOMEBODY in reading.people:
        return Draft("请写出要查询的教师姓名或编号。", Outcome.CLARIFY, suggestions=OF_A_UNIT)
    if not _calls(part, reading):
        if reading.intent is not Intent.FOREIGN:
            return unclear(reading, role)
        return foreign() if role == Role.TEACHER else replace(foreign(), suggestions=unclear(reading, role).suggestions)
    mine = [one.artifact for one in results if one.tool_call_id.startswith(f"call-{part}-")]
    return compose(reading, mine)


def _calls(part: int, reading: Reading) -> list[ToolCall]:
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
        ToolCall(
            name=tool,
            args={key: value for key, value in arguments.items() if value is not None},
            id=f"call-{part}-{number}",
            type="tool_call",
        )
        for number, (tool, arguments) in enumerate(wanted[:_MOST_CALLS])
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
