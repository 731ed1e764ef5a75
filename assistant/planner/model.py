"""The planner as a LangChain chat model: it asks for tools like any model, and words what they return."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from assistant.draft import Draft
from assistant.planner.compose import compose, everyone, foreign, unclear
from assistant.planner.read import Intent, Reading, read
from assistant.planner.words import plain
from assistant.retrieval.thesaurus import groups_in


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
        said = max(place for place, message in enumerate(messages) if isinstance(message, HumanMessage))
        brief = next(message for message in messages if isinstance(message, SystemMessage)).additional_kwargs
        year, role = int(brief["year"]), str(brief["role"])
        reading = read(str(messages[said].content), year)
        results = [message.artifact for message in messages[said + 1 :] if isinstance(message, ToolMessage)]
        if results:
            return _says(compose(reading, results, year))
        match reading.intent:
            case Intent.UNCLEAR:
                return _says(unclear(reading, year))
            case Intent.EVERYONE:
                return _says(everyone(role, year))
            case Intent.FOREIGN if not groups_in(plain(reading.question)):
                return _says(foreign(year))
        return _asks(*_call(reading))


def _call(reading: Reading) -> tuple[str, dict[str, Any]]:
    """The tool that an intent needs, and its arguments."""
    if reading.intent in (Intent.POLICY, Intent.FOREIGN):
        return "search_policy", {"year": reading.year, "query": reading.question}
    said: dict[str, Any] = {"year": reading.year, "teacher": reading.person}
    match reading.intent:
        case Intent.LIST:
            kinds = {"statuses": reading.statuses, "categories": reading.categories, "organisers": reading.organisers}
            return "list_records", said | {name: list(values) for name, values in kinds.items() if values}
        case Intent.PLAN:
            said["with_plan"] = True
        case Intent.WHAT_IF:
            said["assume"] = [item._asdict() for item in reading.items]
    return "calculate_hours", said


def _asks(tool: str, arguments: dict[str, Any]) -> ChatResult:
    given = {key: value for key, value in arguments.items() if value is not None}
    call = ToolCall(name=tool, args=given, id=f"call-{tool}", type="tool_call")
    return ChatResult(generations=[ChatGeneration(message=AIMessage(content="", tool_calls=[call]))])


def _says(draft: Draft) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=AIMessage(draft.text, additional_kwargs={"draft": draft}))])
