"""One LangChain agent over the tools, built once; whichever chat model drives it, tools and guard are the same."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.errors import GraphRecursionError

from assistant.answer import Outcome
from assistant.draft import Draft
from assistant.fixed import DENIED, wording
from assistant.model import ModelFailed
from assistant.results import Denied, Result, Run
from assistant.wire import Said

# A question takes a handful of turns; the library's own limit is 9,999.
_MOST_STEPS = 16


@dataclass(frozen=True, slots=True)
class Called:
    """A tool is about to run."""

    tool: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """The model's draft, and the results that it was made of."""

    draft: Draft
    results: Sequence[Result]


class Agent:
    """Answers with a draft and the results that it was made of."""

    def __init__(self, model: BaseChatModel, tools: Sequence[BaseTool], wire: AgentMiddleware[Any, Any] | None = None):
        """`wire`: what stands between the agent and its model, if it is no model of ours."""
        self._graph: Any = create_agent(model, tools, context_schema=Run, middleware=[wire] if wire else [])
        # What is written along the way is waited for in threads: not where nothing is.
        self._modes = ["values", "custom"] if wire else ["values"]

    def run(self, question: str, run: Run, before: Sequence[tuple[str, str]] = ()) -> tuple[Draft, Sequence[Result]]:
        """What `stream` comes to."""
        drafted = next(event for event in self.stream(question, run, before) if isinstance(event, Drafted))
        return drafted.draft, drafted.results

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


def _brief(run: Run) -> SystemMessage:
    """The day and the role; a model learns nothing else of who asks."""
    return SystemMessage(
        f"今天是 {run.today}。提问者的角色：{run.account.role}。",
        additional_kwargs={"today": run.today.isoformat(), "role": run.account.role, "places": run.places},
    )


def _draft(message: AIMessage, results: Sequence[Result]) -> Draft:
    """The planner hands over a whole draft; of any other model the text is taken, and the outcome from the results."""
    draft = message.additional_kwargs.get("draft")
    if isinstance(draft, Draft):
        return draft
    text = str(message.text)
    told = [one for one in results if isinstance(one, Denied) == (text == DENIED)] or results
    return Draft(text, wording(told).outcome if told else Outcome.ANSWERED)
