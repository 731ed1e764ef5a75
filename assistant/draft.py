"""A draft: what a model wants to say, before the guard has looked at it."""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.answer import Outcome, Table


@dataclass(frozen=True)
class Draft:
    """`text` cites passages by their tokens in `[^…]`."""

    text: str
    outcome: Outcome
    tables: Sequence[Table] = ()
    suggestions: Sequence[str] = ()
    intent: str = ""  # as the planner read the question
