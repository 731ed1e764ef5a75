"""What the tools return: the only matter that answers are made of. Clauses are cited by tokens of a run's `Sources`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from assistant.answer import Calculation, Projection
from assistant.identity import Account
from assistant.policy import Clause, PolicyMeta
from assistant.rules.calculate import Record


@dataclass(frozen=True, slots=True)
class Passage:
    """A verbatim part of a clause that an answer may quote."""

    policy: PolicyMeta
    clause: Clause
    quote: str


class Sources:
    """The passages that the tools of one run have shown, by token. A token that isn't here can't become a citation."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._passages: dict[str, Passage] = {}

    def cite(self, policy: PolicyMeta, clause: Clause, quote: str) -> str:
        """The token of a passage; the same passage keeps its token."""
        key = policy.id, clause.locator, quote
        token = self._tokens.setdefault(key, f"s{len(self._tokens) + 1}")
        self._passages[token] = Passage(policy, clause, quote)
        return token

    def passage(self, token: str) -> Passage | None:
        """What a token stands for."""
        return self._passages.get(token)


@dataclass(frozen=True, slots=True)
class Run:
    """The runtime context of one question: who asks, when, and what the tools have shown. No model ever fills it."""

    account: Account
    today: date
    sources: Sources = field(default_factory=Sources)


@dataclass(frozen=True, slots=True)
class Denied:
    """The records asked for are not the asker's to see, or nobody's: the same either way."""


@dataclass(frozen=True, slots=True)
class Namesakes:
    """Several teachers within the scope have the name asked for: (number, school)."""

    name: str
    teachers: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class NotATeacher:
    """The asker's account has no teacher's records of its own."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A calculation; None where no rule holds for `place` in `year`. `records` are those of the period.

    As (text, token): `notes`, what a careful reader would ask about the period; `cuts`, what caps cut off;
    `open_caps`, the caps on sources that a what-if left open.
    """

    own: bool
    name: str
    place: str
    year: int
    records: Sequence[Record]
    calculation: Calculation | None = None
    projection: Projection | None = None
    notes: Sequence[tuple[str, str | None]] = ()
    cuts: Sequence[tuple[str, str | None]] = ()
    open_caps: Sequence[tuple[str, str | None]] = ()


@dataclass(frozen=True, slots=True)
class Records:
    """Records that were asked for, by date; `any_in_year` tells an empty filter from an empty year."""

    own: bool
    name: str
    year: int | None
    records: Sequence[Record]
    any_in_year: bool


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage as a model may use it: its token and its words."""

    token: str
    quote: str


@dataclass(frozen=True, slots=True)
class Found(Cited):
    """A clause found for a question, with its `score` and `near` as the search gave them.

    `ended`: its policy was no longer in force in the year asked about.
    """

    policy: PolicyMeta
    clause: Clause
    score: float
    near: float | None
    ended: bool


@dataclass(frozen=True, slots=True)
class Clauses:
    """Clauses found, best first. `contact` names the office to ask; `hour_rule`: whether one holds for the place.

    `absent`: what a policy says of attachments that aren't in the corpus, where the clauses found point to one.
    """

    place: str
    found: Sequence[Found]
    contact: Cited | None
    hour_rule: bool
    absent: Cited | None = None


Result = Denied | Namesakes | NotATeacher | Hours | Records | Clauses
