"""What a model or the planner does and wants to say, before the guard has looked at it."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assistant.answer import Outcome, Table
from assistant.results import Result, Run


@dataclass(frozen=True)
class Draft:
    """`text` cites passages by their tokens in `[^…]`."""

    text: str
    outcome: Outcome
    tables: Sequence[Table] = ()
    suggestions: Sequence[str] = ()
    intent: str = ""  # as the planner read the question


@dataclass(frozen=True, slots=True)
class Called:
    """A tool is about to run."""

    tool: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, and the results that it was made of."""

    draft: Draft
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class Said:
    """A reply as far as it has come, whole sentences, people named; `results`: what the tools had shown before it."""

    text: str
    results: Sequence[Result]


class Drafts(Protocol):
    """Whoever drafts answers: the planner, or the agent of a language model."""

    def stream(
        self, question: str, run: Run, before: Sequence[tuple[str, str]] = ()
    ) -> Generator[Called | Said | Drafted]:
        """What is done for a question, the draft last. `before`: earlier questions and answers, oldest first."""


def drafted(by: Drafts, question: str, run: Run) -> tuple[Draft, Sequence[Result]]:
    """What the draft of a question comes to, and its results."""
    told = next(event for event in by.stream(question, run) if isinstance(event, Drafted))
    return told.draft, told.results
