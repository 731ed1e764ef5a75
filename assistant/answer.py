"""The answer as the outside sees it: JSON fields, one to one. Hours are decimal strings without trailing zeros."""

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Why = Literal["cap", "pending", "rejected", "outside_period", "unclassified", "duplicate"]


class Outcome(StrEnum):
    """Every way an answer can end."""

    ANSWERED = "answered"
    NO_EVIDENCE = "no_evidence"
    NO_RULE = "no_rule"
    NO_RECORDS = "no_records"
    NOT_PERMITTED = "not_permitted"
    CLARIFY = "clarify"
    OUT_OF_SCOPE = "out_of_scope"
    UNAVAILABLE = "unavailable"


class _Part(BaseModel):
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Citation(_Part):
    """A clause and the verbatim part of it that is quoted. `sha256` is of the clause's stored text, UTF-8."""

    id: str
    policy_id: str
    title: str
    number: str | None
    issuer: str
    issued_on: date | None
    locator: str
    quote: str
    text: Literal["digest", "original"]
    url: str
    sha256: str


class CitedPart(_Part):
    """A part of a calculation. `citation` is the id of the citation that says so."""

    citation: str | None = None


class CategoryLine(CitedPart):
    """One category of the calculation. `required` is null where the rules set no minimum for it."""

    category: str
    required: str | None
    recorded: str
    counted: str
    shortfall: str


class NotCounted(CitedPart):
    """Hours that don't count, the records they lie in, and why."""

    record_ids: list[str]
    hours: str
    why: Why


class Step(CitedPart):
    """One step of the calculation in words."""

    text: str
    record_ids: list[str]


class Calculation(_Part):
    """A teacher's state under a rule set in a period; both dates belong to it."""

    rule_set: str
    carried_forward: bool
    teacher_id: str
    from_: date = Field(alias="from")
    to: date
    required: str
    counted: str
    remaining: str
    met: bool
    pending: str
    remaining_if_approved: str
    categories: list[CategoryLine]
    not_counted: list[NotCounted]
    beyond_caps: str
    steps: list[Step]


class Assumed(_Part):
    """Hours that a what-if adds."""

    category: str
    organiser: str | None
    hours: str


class Projection(Calculation):
    """A calculation after the assumption."""

    assumed: list[Assumed]


class PlanItem(CitedPart):
    """Hours to be earned, of a course where `title` names one; `organiser` null: any whose cap isn't reached."""

    category: str
    organiser: str | None
    hours: str
    title: str | None


class Table(_Part):
    """Rows for reading; `total_rows` counts what a long list was cut from."""

    caption: str
    columns: list[str]
    rows: list[list[str]]
    total_rows: int
    export_url: str | None = None


class Answer(_Part):
    """One answer. Every `[^n]` in `text` is the id of a citation."""

    id: str
    thread_id: str
    outcome: Outcome
    text: str
    citations: list[Citation] = []
    calculation: Calculation | None = None
    projection: Projection | None = None
    plan: list[PlanItem] | None = None
    tables: list[Table] = []
    suggestions: list[str] = []
