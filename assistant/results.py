"""What the tools return: the only matter that answers are made of. Clauses are cited by tokens of a run's `Sources`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from assistant.answer import Calculation, PlanItem, Projection, Table
from assistant.identity import Account
from assistant.policy import Clause, PolicyMeta
from assistant.rules.calculate import Record
from assistant.rules.make_up import Pace


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
        self._rows = count(1)

    def cite(self, policy: PolicyMeta, clause: Clause, quote: str) -> str:
        """The token of a passage; the same passage keeps its token."""
        key = policy.id, clause.locator, quote
        token = self._tokens.setdefault(key, f"s{len(self._tokens) + 1}")
        self._passages[token] = Passage(policy, clause, quote)
        return token

    def passage(self, token: str) -> Passage | None:
        """What a token stands for."""
        return self._passages.get(token)

    def rows(self) -> str:
        """A token for rows of a query."""
        return f"r{next(self._rows)}"


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
class MadeUp:
    """The plan that closes a gap, or why none does.

    `anywhere`: of each item, whether any other category would do as well. `fees`: of its courses, in yuan; `pace`: to
    the period's end.
    """

    items: Sequence[PlanItem] | None
    anywhere: Sequence[bool] = ()
    fees: Sequence[str] = ()
    impossible: str = ""
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """A calculation; None where no rule holds for `place` in `year`. `records` are those of the period.

    As (text, token): `notes`, what a careful reader would ask about the period; `cuts`, what caps cut off;
    `open_caps`, the caps on sources that a what-if left open. `made_up`: how the gap is closed, where that was asked.
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
    made_up: MadeUp | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """Records that were asked for, by date; `any_in_year` tells an empty filter from an empty year."""

    own: bool
    name: str
    year: int | None
    records: Sequence[Record]
    any_in_year: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query found within the asker's scope: cells as text, the first of `total` rows.

    A text that cites `token` gets the rows as a table, in which its figures are then proven.
    """

    token: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: int

    @property
    def table(self) -> Table:
        """The rows as an answer shows them."""
        rows = [list(row) for row in self.rows]
        return Table(caption="查询结果", columns=list(self.columns), rows=rows, total_rows=self.total)


@dataclass(frozen=True, slots=True)
class BadQuery:
    """A query that wasn't run, and how to mend it."""

    reason: str


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


Result = Denied | Namesakes | NotATeacher | Hours | Records | Rows | BadQuery | Clauses
