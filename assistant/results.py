"""What the tools return: the only matter that answers are made of. Clauses are cited by tokens of a run's `Sources`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Annotated

from pydantic import PlainSerializer

from assistant import hours
from assistant.answer import Calculation, PlanItem, Projection, Table
from assistant.compliance import Report
from assistant.identity import Account
from assistant.policy import Clause, PolicyMeta
from assistant.rules.calculate import Record
from assistant.rules.make_up import Pace


def _told(records: Sequence[Record]) -> list[dict[str, object]]:
    """Records as whoever reads a result is told them: each value by its name, and hours in hours, not in hundredths."""
    return [one._asdict() | {"hours": hours.show(one.hours)} for one in records]


Listed = Annotated[Sequence[Record], PlainSerializer(_told)]


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

    @property
    def shown(self) -> Mapping[str, Passage]:
        """Every passage so far, by token."""
        return self._passages

    def rows(self) -> str:
        """A token for tables that a text may ask for."""
        return f"r{next(self._rows)}"


@dataclass(frozen=True, slots=True)
class Run:
    """The runtime context of one question: who asks, when, and what the tools have shown. No model ever fills it.

    `places`: names of units around the asker, with their paths.
    """

    account: Account
    today: date
    places: Mapping[str, str] = field(default_factory=dict)
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

    As (text, token): `notes`, what a careful reader would ask about the period; `cuts`, what caps cut off; `caps`, the
    caps on any source, and `open_caps`, on those that a what-if left open. `made_up`: how the gap is closed, where that
    was asked.
    """

    own: bool
    name: str
    place: str
    year: int
    records: Listed
    calculation: Calculation | None = None
    projection: Projection | None = None
    notes: Sequence[tuple[str, str | None]] = ()
    cuts: Sequence[tuple[str, str | None]] = ()
    open_caps: Sequence[tuple[str, str | None]] = ()
    caps: Sequence[tuple[str, str | None]] = ()
    made_up: MadeUp | None = None

    @property
    def table(self) -> Table | None:
        """The calculation as a table: by category, then in all. An answer that has several shows the others so."""
        made = self.calculation
        if made is None:
            return None
        rows = [[one.category, one.required or "", one.counted, one.shortfall] for one in made.categories]
        rows.append(["合计", made.required, made.counted, made.remaining])
        caption = f"{self.name}{said_period(made.from_, made.to)}的学时"
        return Table(caption=caption, columns=["科目类别", "要求", "已计入", "还差"], rows=rows, total_rows=len(rows))


def said_period(start: date, end: date) -> str:
    """A period of whole years, as it is said."""
    return f"{start.year}年" if start.year == end.year else f"{start.year}年至{end.year}年"


@dataclass(frozen=True, slots=True)
class Records:
    """Records that were asked for, by date; `start` and `end` bound them, None: they don't.

    `any_in_period` tells an empty filter from an empty period.
    """

    own: bool
    name: str
    start: date | None
    end: date | None
    records: Listed
    any_in_period: bool


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
class Units:
    """Several units within the scope have the name asked for."""

    name: str
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Compliance:
    """How a unit stands. `report` is cut to what was asked for: its rows or its teachers, in the order asked.

    `total`: how many there were before cutting. `clauses`: the token of a check's clause, by policy and rule (`p#F1`);
    `rule`: of the clause that sets the hours. A text that cites `token` gets the `tables`, which prove its figures.
    """

    token: str
    report: Report
    total: int
    tables: Sequence[Table]
    clauses: Mapping[str, str]
    rule: str | None


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


Result = Denied | Namesakes | Units | NotATeacher | Hours | Records | Compliance | Rows | BadQuery | Clauses


def foremost(results: Sequence[Result]) -> Hours | None:
    """The state that an answer shows whole: the first that was reckoned. Further ones are shown as tables."""
    states = [result for result in results if isinstance(result, Hours)]
    return next((state for state in states if state.calculation), states[0] if states else None)
