"""What the API answers with, beside the assistant's own models: shared by the routes and the client."""

from datetime import datetime

from pydantic import BaseModel

from assistant.answer import Answer, Calculation, Citation, Outcome
from assistant.basis import UsedRecord, UsedRules
from assistant.policy import PolicyMeta


class Me(BaseModel):
    """The asker's own progress. `calculation` is null where no rule holds or the account is no teacher's."""

    account: str
    role: str
    unit: str
    teacher_id: str | None
    outcome: Outcome | None
    calculation: Calculation | None
    citations: list[Citation]


class ClauseView(BaseModel):
    """One clause."""

    locator: str
    heading: str
    text: str


class PolicyView(PolicyMeta):
    """A policy's metadata and its clauses in order."""

    clauses: list[ClauseView]


class PolicyList(BaseModel):
    """The policies that are indexed."""

    policies: list[PolicyMeta]


class FoundClause(BaseModel):
    """A clause that a search found; `score` from 0 to 1, of use only beside the others of the same search."""

    policy_id: str
    locator: str
    text: str
    score: float


class FoundClauses(BaseModel):
    """The clauses that a search found, best first."""

    results: list[FoundClause]


class ThreadView(BaseModel):
    """A conversation: its first question, cut, and when something was last asked in it."""

    id: str
    title: str
    asked_at: datetime


class ThreadList(BaseModel):
    """One's own conversations, the one last asked in first."""

    threads: list[ThreadView]


class TurnView(BaseModel):
    """A question and its answer; null: there is none (yet). `stopped`: the answer is what had been shown by then.

    `run_id`: the run that is still answering, to be followed.
    """

    answer_id: str
    question: str
    asked_at: datetime
    answer: Answer | None
    stopped: bool
    run_id: str | None


class ThreadTurns(BaseModel):
    """A conversation, oldest first."""

    id: str
    turns: list[TurnView]


class UsedClause(BaseModel):
    """A clause as cited. `sha256` is of the clause's text, `policy_sha256` of the policy's files: its version."""

    citation: str
    policy_id: str
    title: str
    locator: str
    url: str
    sha256: str
    policy_sha256: str | None


class Receipt(BaseModel):
    """How an answer was made, as things stood then: records, rules and clauses, each in its version."""

    id: str
    thread_id: str
    question: str
    asked_at: datetime
    answer: Answer
    stopped: bool
    records: list[UsedRecord]
    rule_sets: list[UsedRules]
    clauses: list[UsedClause]
