"""One LangChain agent over the tools, built once; whichever chat model drives it, tools and guard are the same."""

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool

from assistant.answer import Outcome
from assistant.draft import Draft
from assistant.fixed import wording
from assistant.results import Result, Run

# A question takes a handful of turns; the library's own limit is 9,999.
_MOST_STEPS = 16


class Agent:
    """Answers with a draft and the results that it was made of."""

    def __init__(self, model: BaseChatModel, tools: Sequence[BaseTool]) -> None:
        self._graph: Any = create_agent(model, tools, context_schema=Run)

    def run(self, question: str, run: Run) -> tuple[Draft, list[Result]]:
        """The model's draft for a question. Errors of the tools come through as they are."""
        brief = SystemMessage(
            f"今天是 {run.today}。提问者的角色：{run.account.role}。",
            additional_kwargs={"year": run.today.year, "role": run.account.role},
        )
        state = self._graph.invoke(
            {"messages": [brief, HumanMessage(question)]}, context=run, config={"recursion_limit": _MOST_STEPS}
        )
        messages = state["messages"]
        results = [message.artifact for message in messages if isinstance(message, ToolMessage) and message.artifact]
        return _draft(messages[-1], results), results


def _draft(message: AIMessage, results: Sequence[Result]) -> Draft:
    """The planner hands over a whole draft; of any other model the text is taken, and the outcome from the results."""
    draft = message.additional_kwargs.get("draft")
    if isinstance(draft, Draft):
        return draft
    return Draft(str(message.text), wording(results).outcome if results else Outcome.ANSWERED)
