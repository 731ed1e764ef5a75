"""The LangChain agent that lets a language model use the tools, built once."""

from collections.abc import Generator, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.errors import GraphRecursionError

from assistant.answer import Outcome
from assistant.draft import Called, Draft, Drafted, Said
from assistant.fixed import DENIED, wording
from assistant.model import ModelFailed
from assistant.results import Denied, Result, Run
from assistant.tools import ToolInfo, Tools, as_json

# A question takes a handful of turns; the library's own limit is 9,999.
_MOST_STEPS = 16


class Agent:
    """Answers with a draft and the results that it was made of."""

    def __init__(self, model: BaseChatModel, tools: Tools, wire: AgentMiddleware[Any, Any] | None = None) -> None:
        """`wire`: what stands between the agent and its model, if it is no model of ours."""
        self._graph: Any = create_agent(model, offered(tools), context_schema=Run, middleware=[wire] if wire else [])
        # What is written along the way is waited for in threads: not where nothing is.
        self._modes = ["values", "custom"] if wire else ["values"]

    def stream(
        self, question: str, run: Run, before: Sequence[tuple[str, str]] = ()
    ) -> Generator[Called | Said | Drafted]:
        """What the model does for a question, its draft last. `before`: earlier questions and answers, oldest first.

        ModelFailed: it never comes to an end. Errors of the tools come through as they are.
        """
        told: list[BaseMessage] = [_brief(run)]
        for asked, answered in before:
            told += [HumanMessage(asked), AIMessage(answered)]
        told.append(HumanMessage(question))
        yield from self._steps({"messages": told}, run)

    def _steps(self, state: dict[str, Any], run: Run) -> Generator[Called | Said | Drafted]:
        limits = {"recursion_limit": _MOST_STEPS}
        try:
            for mode, part in self._graph.stream(state, context=run, config=limits, stream_mode=self._modes):
                if mode == "custom":
                    yield part
                    continue
                state, last = part, part["messages"][-1]
                if isinstance(last, AIMessage):
                    yield from (Called(call["name"]) for call in last.tool_calls)
        except GraphRecursionError:
            raise ModelFailed("no end of its calls") from None
        messages = state["messages"]
        results = [message.artifact for message in messages if isinstance(message, ToolMessage) and message.artifact]
        yield Drafted(_draft(messages[-1], results), results)


def offered(tools: Tools) -> list[BaseTool]:
    """The tools as the agent offers them to a model. Who asks is in the runtime context, which no model fills."""
    return [_offered(tools, one) for one in tools.described]


def _offered(tools: Tools, info: ToolInfo) -> BaseTool:
    def call(runtime: ToolRuntime[Run, Any], **arguments: Any) -> tuple[str, Result]:
        result = tools.call(info.name, arguments, runtime.context)
        return as_json(result), result

    return StructuredTool(
        name=info.name,
        description=info.description,
        args_schema=info.arguments,
        func=call,
        response_format="content_and_artifact",
    )


def _brief(run: Run) -> SystemMessage:
    """The day and the role; a model learns nothing else of who asks."""
    return SystemMessage(f"今天是 {run.today}。提问者的角色：{run.account.role}。")


def _draft(message: AIMessage, results: Sequence[Result]) -> Draft:
    """A model's text, with the outcome that the results have."""
    text = str(message.text)
    told = [one for one in results if isinstance(one, Denied) == (text == DENIED)] or results
    return Draft(text, wording(told).outcome if told else Outcome.ANSWERED)
